/** What the target refuses, before a model is loaded and after. */
import { type Case, fault, post } from '../case.ts'

const say = [{ role: 'user', content: 'a' }]
const generate = '/api/generate'
const chat = '/api/chat'
const v1 = '/v1/chat/completions'

function unknownModel(path: string, more: object): Case {
  return post(path, { model: 'nobody', ...more }, { name: `unknown model on ${path}`, status: 404 })
}

function failing(kind: string, status: number, more: object = {}): Case {
  return post(
    chat,
    { model: 'llama3.2', messages: say },
    { name: `${kind} ${status}`, status, fields: [fault(kind, more)] }
  )
}

/** The table. */
export const refusalCases: readonly Case[] = [
  unknownModel(generate, { prompt: 'a' }),
  unknownModel(chat, { messages: say }),
  unknownModel('/api/embed', { input: 'a' }),
  unknownModel('/api/embeddings', { prompt: 'a' }),
  unknownModel(v1, { messages: say }),
  unknownModel('/v1/completions', { prompt: 'a' }),
  unknownModel('/v1/embeddings', { input: 'a' }),
  unknownModel('/v1/responses', { input: 'a' }),
  post(generate, { prompt: 'a' }, { name: 'generate without a model', status: 404 }),
  post(chat, { messages: say }, { name: 'chat without a model', status: 400 }),
  post(v1, { messages: say }, { name: 'completions without a model', status: 400 }),
  post(chat, { model: 'a b', messages: say }, { name: 'an invalid name', status: 400 }),
  post(chat, { model: 'llama3.2:cloud', messages: say }, { name: 'a cloud name', status: 403 }),
  post(
    chat,
    { model: 'nomic-embed-text', messages: say },
    { name: 'chat with an embedding model', status: 400 }
  ),
  post('/api/embed', { model: 'llama3.2', input: 'a' }, { name: 'embed with a chat model', status: 501 }),
  post(
    chat,
    {
      model: 'gemma3:4b',
      messages: say,
      tools: [{ type: 'function', function: { name: 'f', parameters: {} } }]
    },
    { name: 'tools it does not have', status: 400 }
  ),
  post(
    chat,
    { model: 'llama3.2', messages: say, think: true },
    { name: 'thinking it does not have', status: 400 }
  ),
  post(
    generate,
    { model: 'llama3.2', prompt: 'a', suffix: 'b' },
    { name: 'a suffix it does not have', status: 400 }
  ),
  post(
    generate,
    { model: 'llama3.2', prompt: 'a', options: { num_ctx: 'x' } },
    { name: 'an option of the wrong type', status: 500 }
  ),
  post(
    generate,
    { model: 'llama3.2', prompt: 'a', format: 'xml' },
    { name: 'a format it does not know', status: 500 }
  ),
  post(
    generate,
    { model: 'llama3.2', prompt: 'a', logprobs: true, top_logprobs: 21 },
    { name: 'too many logprobs', status: 400 }
  ),
  ...['-1', '10', ''].map(keep =>
    post(
      chat,
      { model: 'llama3.2', messages: say, keep_alive: keep },
      { name: `keep_alive "${keep}"`, status: 400 }
    )
  ),
  post(
    chat,
    { model: 'llama3.2', messages: say, keep_alive: true },
    { name: 'keep_alive true', status: 400 }
  ),
  post(v1, { model: 'llama3.2', messages: [] }, { name: 'completions without messages', status: 400 }),
  post(
    '/v1/embeddings',
    { model: 'nomic-embed-text', input: [] },
    { name: 'embeddings without input', status: 400 }
  ),
  failing('status', 500),
  failing('status', 418, { status: 418, message: 'a teapot <&>' }),
  failing('queue_full', 503),
  failing('nested_error', 400),
  failing('html', 502),
  failing('error_line', 500)
]
