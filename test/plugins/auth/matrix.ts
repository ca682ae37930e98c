/** Every route and what it asks of its caller, written by hand: whoever adds a route says it here a second time. */
import type { AccessRule } from '../../../core/access/access.ts'
import type { Surface } from '../../../core/errors.ts'

/**
 * What a route is about: a job that is `done`, one whose answer is `kept`, one that was `canceled`, an uploaded artifact,
 * a token, a webhook endpoint, a delivery to one.
 */
export type Kind = 'done' | 'kept' | 'canceled' | 'artifact' | 'token' | 'endpoint' | 'delivery'

/** One method of one route. */
export interface Row {
  readonly method: string
  /** As Fastify has it. */
  readonly url: string
  readonly needs: AccessRule
  /** The shape of its errors. */
  readonly surface: Surface
  /** A path that leads there; `{id}` stands for the object. */
  readonly path: string
  readonly body?: string
  /** What `{id}` is the id of. */
  readonly of?: Kind
  /** The object is another one afterwards, or gone. */
  readonly spends?: true
  /** Refused to everybody, as it would leave this machine. */
  readonly leaves?: true
  /** Whoever is let in is asked for an upgrade. */
  readonly upgrades?: true
}

type Rest = Partial<Pick<Row, 'path' | 'body' | 'of' | 'spends' | 'leaves' | 'upgrades'>>

const own = (method: string, url: string, needs: AccessRule, rest: Rest = {}): Row[] => [
  { method, url, needs, surface: 'problem', path: url.replace(':id', '{id}'), ...rest }
]

/** What can be read can be asked for its head. */
const read = (url: string, needs: AccessRule, rest?: Rest): Row[] =>
  ['GET', 'HEAD'].flatMap(method => own(method, url, needs, rest))

const forwardedMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
/** Whatever Node reads and Fastify routes. */
const allMethods = [...forwardedMethods, 'TRACE', 'QUERY']

/** A route of the target: foreman lets every method through to it, and its form with a slash at the end. */
function native(surface: Surface, url: string, needs: AccessRule, rest: Rest & { body: string }): Row[] {
  const { body, leaves, path = url } = rest
  const plain = forwardedMethods.map(method => ({
    ...{ method, url, needs, surface, path },
    ...(method === 'POST' && { body }),
    ...(leaves && { leaves })
  }))
  const slashed = allMethods.map(method => ({ method, url: `${url}/`, needs, surface, path: `${path}/` }))
  return [...plain, ...slashed]
}

/** As much of a body as makes each route that uses a model a short call. */
const call = JSON.stringify({
  model: 'alpha',
  ...{ prompt: 'hello', input: 'hello', messages: [{ role: 'user', content: 'hello' }] },
  ...{ stream: false, max_tokens: 2 }
})
/** Stands before each part of a form. */
export const formBoundary = '--part'
const part = (names: string, value: string) =>
  `${formBoundary}\r\nContent-Disposition: form-data; ${names}\r\n\r\n${value}\r\n`
const form = `${part('name="model"', 'alpha')}${part('name="file"; filename="a.wav"', 'RIFF')}${formBoundary}--\r\n`
/** One that the target refuses at once: nothing is pulled, made or taken away. */
const nothing = '{}'
const noBlob = `/api/blobs/sha256:${'0'.repeat(64)}`

const inference: readonly (readonly [Surface, string])[] = [
  ['native', '/api/chat'],
  ['native', '/api/generate'],
  ['native', '/api/embed'],
  ['native', '/api/embeddings'],
  ['openai', '/v1/chat/completions'],
  ['openai', '/v1/completions'],
  ['openai', '/v1/embeddings'],
  ['openai', '/v1/responses'],
  ['openai', '/v1/systemone'],
  ['anthropic', '/v1/messages']
]
const reads = ['/api/version', '/api/tags', '/api/ps', '/api/show', '/api/status']
const management = ['/api/pull', '/api/push', '/api/create', '/api/copy', '/api/delete']
const cloud = ['web_search', 'web_fetch', 'model-recommendations']

const nativeRows: readonly Row[] = [
  ...forwardedMethods.flatMap(method => own(method, '/', 'open')),
  ...inference.flatMap(([surface, url]) => native(surface, url, 'inference', { body: call })),
  ...native('openai', '/v1/audio/transcriptions', 'inference', { body: form }),
  ...reads.flatMap(url => native('native', url, 'inference', { body: nothing })),
  ...native('openai', '/v1/models', 'inference', { body: nothing }),
  ...native('openai', '/v1/models/:model', 'inference', { body: nothing, path: '/v1/models/alpha' }),
  ...management.flatMap(url => native('native', url, 'models:write', { body: nothing })),
  ...native('native', '/api/blobs/:digest', 'models:write', { body: 'bytes', path: noBlob }),
  ...native('native', '/api/me', 'admin', { body: nothing, leaves: true }),
  ...native('native', '/api/signout', 'admin', { body: nothing, leaves: true }),
  ...native('native', '/api/user/keys/:key', 'admin', {
    ...{ body: nothing, leaves: true, path: '/api/user/keys/a2V5' }
  }),
  ...cloud.flatMap(name =>
    native('native', `/api/experimental/${name}`, 'inference', { body: nothing, leaves: true })
  )
]

const page = ['', '/page.js', '/swagger-ui.css', '/swagger-ui-bundle.js', '/favicon-32x32.png'].map(
  name => `/docs${name}`
)

const newJob = '{"model":"alpha","prompt":"hello"}'
/** One that nobody answers at, told of nothing that happens here. */
export const newEndpoint = '{"url":"http://127.0.0.1:9/","events":["webhook_endpoint.test"]}'
const newToken = '{"name":"another","scopes":["metrics"]}'

/** All of them. Of the switches of the queue the last sets it going again. */
export const rows: readonly Row[] = [
  ...nativeRows,
  ...read('/healthz', 'open'),
  ...read('/readyz', 'open'),
  ...read('/openapi.json', 'open'),
  ...read('/metrics', 'metrics'),
  ...page.flatMap(path => read(path, 'open')),
  ...own('POST', '/jobs', 'jobs:write', { body: newJob }),
  ...read('/jobs', 'jobs:read'),
  ...read('/jobs/:id', 'jobs:read', { of: 'done' }),
  ...read('/jobs/:id/why', 'jobs:read', { of: 'done' }),
  ...read('/jobs/:id/events', 'jobs:read', { of: 'done' }),
  ...read('/events', 'jobs:read'),
  ...own('GET', '/ws', 'jobs:read', { upgrades: true }),
  ...read('/jobs/:id/stream', 'jobs:read', { of: 'kept' }),
  ...read('/jobs/:id/artifacts', 'jobs:read', { of: 'done' }),
  ...read('/jobs/:id/artifacts/:name', 'jobs:read', { of: 'done', path: '/jobs/{id}/artifacts/completion' }),
  ...own('POST', '/jobs/:id/cancel', 'jobs:write', { of: 'done' }),
  ...own('POST', '/jobs/:id/retry', 'jobs:write', { of: 'canceled' }),
  ...own('DELETE', '/jobs/:id', 'jobs:write', { of: 'canceled', spends: true }),
  ...own('POST', '/artifacts', 'artifacts', { body: 'bytes' }),
  ...read('/artifacts/:id', 'artifacts', { of: 'artifact' }),
  ...read('/artifacts/:id/content', 'artifacts', { of: 'artifact' }),
  ...own('POST', '/artifacts/:id/sign', 'artifacts', { of: 'artifact' }),
  ...own('DELETE', '/artifacts/:id', 'artifacts', { of: 'artifact', spends: true }),
  ...own('POST', '/stream-tickets', 'jobs:read', { of: 'done', body: '{"job_id":"{id}"}' }),
  ...own('POST', '/tokens', 'admin', { body: newToken }),
  ...read('/tokens', 'admin'),
  ...read('/tokens/:id', 'admin', { of: 'token' }),
  ...own('POST', '/tokens/:id/rotate', 'admin', { of: 'token', spends: true }),
  ...own('DELETE', '/tokens/:id', 'admin', { of: 'token', spends: true }),
  ...own('POST', '/webhook-endpoints', 'webhooks', { body: newEndpoint }),
  ...read('/webhook-endpoints', 'webhooks'),
  ...read('/webhook-endpoints/:id', 'webhooks', { of: 'endpoint' }),
  ...own('PATCH', '/webhook-endpoints/:id', 'webhooks', { of: 'endpoint', body: '{}' }),
  ...own('DELETE', '/webhook-endpoints/:id', 'webhooks', { of: 'endpoint', spends: true }),
  ...['test', 'disable', 'enable', 'secret/rotate', 'replay'].flatMap(action =>
    own('POST', `/webhook-endpoints/:id/${action}`, 'webhooks', { of: 'endpoint', spends: true })
  ),
  ...read('/webhook-deliveries', 'webhooks'),
  ...read('/webhook-deliveries/:id', 'webhooks', { of: 'delivery' }),
  ...own('POST', '/webhook-deliveries/:id/redeliver', 'webhooks', { of: 'delivery', spends: true }),
  ...read('/webhook-secret', 'webhooks'),
  ...own('POST', '/webhook-secret/rotate', 'webhooks'),
  ...read('/webhook-keys', 'open'),
  ...read('/whoami', 'known'),
  ...read('/audit', 'admin'),
  ...own('POST', '/models/:name/load', 'models:write', { path: '/models/alpha/load' }),
  ...own('POST', '/models/:name/unload', 'models:write', { path: '/models/beta/unload' }),
  ...read('/models', 'models:read'),
  ...read('/models/:name', 'models:read', { path: '/models/alpha' }),
  ...read('/models/*', 'models:read', { path: '/models/library/alpha' }),
  ...read('/queue', 'jobs:read'),
  ...own('POST', '/queue/pause', 'admin'),
  ...own('POST', '/queue/drain', 'admin'),
  ...own('POST', '/queue/resume', 'admin')
]
