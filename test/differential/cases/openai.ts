/** The routes under `/v1` that OpenAI's clients use. */
import { zstdCompressSync } from 'node:zlib'
import { type Case, post } from '../case.ts'

const chat = '/v1/chat/completions'
const ok = { status: 200 } as const
const say = [{ role: 'user', content: 'Good morning' }]
const tool = {
  type: 'function',
  function: {
    name: 'add',
    parameters: { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] }
  }
}
const pixel = 'data:image/png;base64,iVBORw0KGgo='
const json = ['Content-Type', 'application/json'] as const

function form(parts: Readonly<Record<string, string>>): Pick<Case, 'body' | 'fields'> {
  const boundary = 'a-boundary-of-the-test'
  const texts = Object.entries(parts).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  )
  const file =
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n` +
    'Content-Type: audio/wav\r\n\r\nRIFF\u0001\u0002\u0003\r\n'
  return {
    body: [...texts, file, `--${boundary}--\r\n`].join(''),
    fields: [['Content-Type', `multipart/form-data; boundary=${boundary}`]]
  }
}

/** The table. */
export const openAiCases: readonly Case[] = [
  post(chat, { model: 'llama3.2', messages: say }, { name: 'chat, whole', ...ok }),
  post(chat, { model: 'llama3.2', messages: say, stream: true }, { name: 'chat streams', ...ok }),
  post(
    chat,
    { model: 'llama3.2', messages: say, stream: true, stream_options: { include_usage: true } },
    { name: 'chat streams with usage', ...ok }
  ),
  post(chat, { model: 'llama3.2', messages: say, tools: [tool] }, { name: 'chat with tools', ...ok }),
  post(
    chat,
    { model: 'qwen3:8b', messages: say, tools: [tool], stream: true },
    { name: 'chat with tools streams', ...ok }
  ),
  post(
    chat,
    { model: 'qwen3:8b', messages: say, reasoning_effort: 'high', stream: true },
    { name: 'chat that reasons', ...ok }
  ),
  post(
    chat,
    {
      model: 'gemma3:4b',
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: pixel } }] }]
    },
    { name: 'chat with an image', ...ok }
  ),
  post(
    chat,
    { model: 'llama3.2', messages: say, response_format: { type: 'json_object' }, max_tokens: 5 },
    { name: 'chat in JSON with max_tokens', ...ok }
  ),
  {
    name: 'chat compressed with zstd',
    ...ok,
    method: 'POST',
    path: chat,
    fields: [json, ['Content-Encoding', 'zstd']],
    body: zstdCompressSync(Buffer.from(JSON.stringify({ model: 'llama3.2', messages: say })))
  },
  post('/v1/completions', { model: 'llama3.2', prompt: 'once' }, { name: 'completions, whole', ...ok }),
  post(
    '/v1/completions',
    { model: 'llama3.2', prompt: 'once', stream: true },
    { name: 'completions stream', ...ok }
  ),
  post(
    '/v1/completions',
    { model: 'codellama:7b', prompt: 'def', suffix: 'end' },
    { name: 'completions with suffix', ...ok }
  ),
  post('/v1/responses', { model: 'llama3.2', input: 'hello' }, { name: 'responses, whole', ...ok }),
  post(
    '/v1/responses',
    { model: 'qwen3:8b', input: 'hello', stream: true, reasoning: { effort: 'low' } },
    { name: 'responses stream', ...ok }
  ),
  {
    name: 'responses compressed with zstd',
    ...ok,
    method: 'POST',
    path: '/v1/responses',
    fields: [json, ['Content-Encoding', 'zstd']],
    body: zstdCompressSync(Buffer.from(JSON.stringify({ model: 'llama3.2', input: 'hello', stream: true })))
  },
  post('/v1/embeddings', { model: 'nomic-embed-text', input: ['one', 'two'] }, { name: 'embeddings', ...ok }),
  post(
    '/v1/embeddings',
    { model: 'nomic-embed-text', input: 'one', encoding_format: 'base64' },
    { name: 'embeddings in base64', ...ok }
  ),
  {
    name: 'a transcription',
    ...ok,
    method: 'POST',
    path: '/v1/audio/transcriptions',
    ...form({ model: 'whisper:base' })
  },
  {
    name: 'a transcription as text',
    ...ok,
    method: 'POST',
    path: '/v1/audio/transcriptions',
    ...form({ model: 'whisper:base', response_format: 'text' })
  },
  { name: 'models', ...ok, method: 'GET', path: '/v1/models' },
  { name: 'one model', ...ok, method: 'GET', path: '/v1/models/qwen3:8b' },
  { name: 'one model, colon encoded', ...ok, method: 'GET', path: '/v1/models/qwen3%3A8b' },
  { name: 'no such model', status: 404, method: 'GET', path: '/v1/models/nobody' },
  {
    name: 'a model with a long name',
    status: 404,
    method: 'GET',
    path: `/v1/models/${'n'.repeat(80)}:${'t'.repeat(80)}`
  },
  { name: 'a model with a slash', status: 404, method: 'GET', path: '/v1/models/a/b', local: true }
]
