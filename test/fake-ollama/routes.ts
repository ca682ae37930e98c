/**
 * Every route of the fake, with the shape its errors have.
 */
import { messagesRoute } from './compat/anthropic.ts'
import { openAiChatRoute } from './compat/openai-chat.ts'
import { openAiCompletionsRoute } from './compat/openai-completions.ts'
import { openAiEmbeddingsRoute, openAiModelRoute, openAiModelsRoute } from './compat/openai-inventory.ts'
import { responsesRoute } from './compat/responses.ts'
import { transcriptionRoute } from './compat/transcription.ts'
import type { Call } from './http/call.ts'
import { meRoute, recommendationsRoute, signoutRoute, webRoute } from './native/account.ts'
import { chatRoute } from './native/chat.ts'
import { embeddingsRoute, embedRoute } from './native/embed.ts'
import { generateRoute } from './native/generate.ts'
import { psRoute, showRoute, statusRoute, tagsRoute, versionRoute } from './native/inventory.ts'
import {
  copyRoute,
  createBlobRoute,
  createRoute,
  deleteRoute,
  headBlobRoute,
  pullRoute,
  pushRoute
} from './native/manage.ts'

/** Who words an error. */
export type ErrorShape = 'native' | 'openai' | 'anthropic'

/** Answers one request. */
export type Handler = (call: Call) => void | Promise<void>

interface Path {
  /** With `:name` for one segment. */
  path: string
  shape?: ErrorShape
  methods: Record<string, Handler>
}

/** A route that was found, or the methods that the path would have. */
export type Match =
  | { handler: Handler; shape: ErrorShape; params: Record<string, string> }
  | { allow: string[] }
  | undefined

function rootRoute(call: Call): void {
  call.wire.reply(200, 'text/plain; charset=utf-8', 'Ollama is running')
}

const PATHS: Path[] = [
  { path: '/', methods: { HEAD: rootRoute, GET: rootRoute } },
  { path: '/api/version', methods: { HEAD: versionRoute, GET: versionRoute } },
  { path: '/api/status', methods: { GET: statusRoute } },
  { path: '/api/tags', methods: { HEAD: tagsRoute, GET: tagsRoute } },
  { path: '/api/ps', methods: { GET: psRoute } },
  { path: '/api/show', methods: { POST: showRoute } },
  { path: '/api/generate', methods: { POST: generateRoute } },
  { path: '/api/chat', methods: { POST: chatRoute } },
  { path: '/api/embed', methods: { POST: embedRoute } },
  { path: '/api/embeddings', methods: { POST: embeddingsRoute } },
  { path: '/api/pull', methods: { POST: pullRoute } },
  { path: '/api/push', methods: { POST: pushRoute } },
  { path: '/api/create', methods: { POST: createRoute } },
  { path: '/api/copy', methods: { POST: copyRoute } },
  { path: '/api/delete', methods: { DELETE: deleteRoute } },
  { path: '/api/blobs/:digest', methods: { POST: createBlobRoute, HEAD: headBlobRoute } },
  { path: '/api/me', methods: { POST: meRoute } },
  { path: '/api/signout', methods: { POST: signoutRoute } },
  { path: '/api/user/keys/:encodedKey', methods: { DELETE: signoutRoute } },
  { path: '/api/experimental/web_search', methods: { POST: webRoute } },
  { path: '/api/experimental/web_fetch', methods: { POST: webRoute } },
  { path: '/api/experimental/model-recommendations', methods: { GET: recommendationsRoute } },
  { path: '/v1/chat/completions', shape: 'openai', methods: { POST: openAiChatRoute } },
  { path: '/v1/completions', shape: 'openai', methods: { POST: openAiCompletionsRoute } },
  { path: '/v1/embeddings', shape: 'openai', methods: { POST: openAiEmbeddingsRoute } },
  { path: '/v1/responses', shape: 'openai', methods: { POST: responsesRoute } },
  { path: '/v1/audio/transcriptions', shape: 'openai', methods: { POST: transcriptionRoute } },
  { path: '/v1/models', shape: 'openai', methods: { GET: openAiModelsRoute } },
  { path: '/v1/models/:model', shape: 'openai', methods: { GET: openAiModelRoute } },
  { path: '/v1/messages', shape: 'anthropic', methods: { POST: messagesRoute } }
]

// The order in which the real server came to know them, and lists them in `Allow`.
const METHOD_ORDER = ['HEAD', 'GET', 'POST', 'DELETE']

const FIXED = new Map(PATHS.filter(({ path }) => !path.includes(':')).map(path => [path.path, path]))
const PATTERNS = PATHS.filter(({ path }) => path.includes(':')).map(path => ({
  ...path,
  prefix: path.path.slice(0, path.path.indexOf(':')),
  param: path.path.slice(path.path.indexOf(':') + 1)
}))

/** Finds the route of a path, one segment standing for each parameter. */
export function matchRoute(method: string, path: string): Match {
  const fixed = FIXED.get(path)
  if (fixed !== undefined) return choose(fixed, method, {})
  for (const pattern of PATTERNS) {
    if (!path.startsWith(pattern.prefix)) continue
    const value = path.slice(pattern.prefix.length)
    if (value !== '' && !value.includes('/'))
      return choose(pattern, method, { [pattern.param]: decodeURIComponent(value) })
  }
  return undefined
}

function choose(path: Path, method: string, params: Record<string, string>): Match {
  const handler = path.methods[method]
  if (handler === undefined) return { allow: METHOD_ORDER.filter(name => name in path.methods) }
  return { handler, shape: path.shape ?? 'native', params }
}
