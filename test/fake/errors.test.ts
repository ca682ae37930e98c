/** The words and statuses with which the fake refuses: the real server's own, character for character. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import { answer, chatBody } from './support.ts'

let fake: FakeOllama
before(async () => {
  fake = await startFakeOllama({
    models: [
      { name: 'llama3.2', capabilities: ['completion'] },
      { name: 'embedder', capabilities: ['embedding'], context_length: 4 },
      { name: 'broken', fails_to_load: 'llama-server process has terminated: signal: killed' },
      { name: 'stub', remote_host: 'https://ollama.com:443', remote_model: 'big' },
      { name: 'painter', capabilities: ['image'] }
    ]
  })
})
after(() => fake.stop())

type Case = [title: string, path: string, body: unknown, status: number, error: string]

const generate = (extra: object): object => ({ model: 'llama3.2', prompt: 'x', ...extra })
const GENERATE = '/api/generate'
const CHAT = '/api/chat'

const CASES: Case[] = [
  ['no body', CHAT, '', 400, 'missing request body'],
  ['only white space', GENERATE, ' \n', 400, 'missing request body'],
  ['truncated JSON', CHAT, '{"model":"a"', 400, 'unexpected EOF'],
  ['no JSON', CHAT, 'model=x', 400, "invalid character 'm' looking for beginning of value"],
  [
    'model of the wrong type',
    GENERATE,
    '{"model":1}',
    400,
    'json: cannot unmarshal number into Go struct field GenerateRequest.model of type string'
  ],
  [
    'a nested field of the wrong type',
    CHAT,
    { messages: [{ role: 1 }] },
    400,
    'json: cannot unmarshal number into Go struct field ChatRequest.messages.role of type string'
  ],
  [
    'an array for a body',
    CHAT,
    '[]',
    400,
    'json: cannot unmarshal array into Go value of type api.ChatRequest'
  ],
  ['no model, generate', GENERATE, '{}', 404, "model '' not found"],
  ['no model, embed', '/api/embed', '{}', 404, "model '' not found"],
  ['no model, chat', CHAT, '{}', 400, 'model is required'],
  ['no model, show', '/api/show', '{}', 400, 'model is required'],
  ['no model, embeddings', '/api/embeddings', '{}', 400, 'model is required'],
  ['no model, pull', '/api/pull', '{}', 400, 'invalid model name'],
  ['a name that breaks the grammar', CHAT, { model: 'a b' }, 400, 'invalid model name'],
  ['a name with a digest', GENERATE, { model: 'llama3.2@sha256:00' }, 400, 'invalid model name'],
  [
    'both sources',
    CHAT,
    { model: 'x:cloud:local' },
    400,
    'use either :local or :cloud, not both: "x:cloud:local"'
  ],
  ['unknown, generate', GENERATE, { model: 'Nope' }, 404, "model 'Nope' not found"],
  ['unknown, chat', CHAT, { model: 'Nope' }, 404, "model 'Nope' not found"],
  ['unknown, show', '/api/show', { model: 'Nope' }, 404, "model 'Nope:latest' not found"],
  ['unknown, embed', '/api/embed', { model: 'nope' }, 404, 'model "nope" not found, try pulling it first'],
  ['unknown, copy', '/api/copy', { source: 'nope', destination: 'b' }, 404, 'model "nope" not found'],
  [
    'wrong case, embeddings',
    '/api/embeddings',
    { model: 'EMBEDDER' },
    404,
    'model "EMBEDDER" not found, try pulling it first'
  ],
  ['thinking', GENERATE, generate({ think: true }), 400, '"llama3.2" does not support thinking'],
  [
    'an unknown level of thinking',
    GENERATE,
    generate({ think: 'deep' }),
    400,
    'invalid think value: "deep" (must be "high", "medium", "low", "max", true, or false)'
  ],
  [
    'generate on an embedding model',
    GENERATE,
    { model: 'embedder', prompt: 'x' },
    400,
    '"embedder" does not support generate'
  ],
  [
    'preload of an embedding model',
    GENERATE,
    { model: 'embedder' },
    400,
    '"embedder" does not support generate'
  ],
  ['chat on an embedding model', CHAT, { model: 'embedder' }, 400, '"embedder" does not support chat'],
  [
    'tools',
    CHAT,
    chatBody({ tools: [{}] }),
    400,
    'registry.ollama.ai/library/llama3.2:latest does not support tools'
  ],
  [
    'suffix',
    GENERATE,
    generate({ suffix: 's' }),
    400,
    'registry.ollama.ai/library/llama3.2:latest does not support insert'
  ],
  [
    'raw with system',
    GENERATE,
    generate({ raw: true, system: 's' }),
    400,
    'raw mode does not support template, system, or context'
  ],
  [
    'top_logprobs out of range',
    CHAT,
    chatBody({ top_logprobs: 21 }),
    400,
    'top_logprobs must be between 0 and 20'
  ],
  [
    'an image generator',
    GENERATE,
    { model: 'painter', prompt: 'x' },
    400,
    'image generation models are not currently supported'
  ],
  [
    'an option of the wrong type',
    GENERATE,
    generate({ options: { num_ctx: 'big' } }),
    500,
    'option "num_ctx" must be of type integer'
  ],
  [
    'a format that is none',
    CHAT,
    chatBody({ format: 'xml' }),
    500,
    'invalid format: "\\"xml\\""; expected "json" or a valid JSON Schema object'
  ],
  [
    'embedding with a chat model',
    '/api/embed',
    { model: 'llama3.2', input: 'x' },
    501,
    'This server does not support embeddings. Start it with `--embeddings`'
  ],
  [
    'the same, older route',
    '/api/embeddings',
    { model: 'llama3.2', prompt: 'x' },
    500,
    'This server does not support embeddings. Start it with `--embeddings`'
  ],
  ['input of the wrong type', '/api/embed', { model: 'embedder', input: 1 }, 400, 'invalid input type'],
  [
    'input that is too long',
    '/api/embed',
    { model: 'embedder', input: 'a b c d e', truncate: false },
    400,
    'the input length exceeds the context length'
  ],
  [
    'a load that fails',
    CHAT,
    chatBody({ model: 'broken' }),
    500,
    'llama-server process has terminated: signal: killed'
  ],
  [
    'a remote stub',
    CHAT,
    chatBody({ model: 'stub' }),
    403,
    'ollama cloud is disabled: remote model is unavailable'
  ],
  [
    'the cloud by name',
    GENERATE,
    { model: 'x:cloud' },
    403,
    'ollama cloud is disabled: remote model is unavailable'
  ],
  ['a stub as local model', CHAT, { model: 'stub:local' }, 404, "model 'stub:local' not found"]
]

for (const [title, path, body, status, error] of CASES) {
  test(`POST ${path} refuses ${title} with ${status}`, async () => {
    const got = await answer(fake, path, body)
    assert.deepEqual(got, { status, json: { error } })
  })
}

test('images for a model that sees none are refused with the JSON of the runner as text', async () => {
  const got = await answer(fake, GENERATE, generate({ images: ['YQ=='], stream: false }))
  const inner = JSON.parse(got.json.error as string) as { error: { code: number } }
  assert.equal(got.status, 400)
  assert.equal(inner.error.code, 400)
})

test('the OpenAI routes word a refusal as an object with a type', async () => {
  const got = await answer(fake, '/v1/chat/completions', chatBody({ model: 'nope' }))
  const error = { message: "model 'nope' not found", type: 'not_found_error', param: null, code: null }
  assert.deepEqual(got, { status: 404, json: { error } })
})

test('the Anthropic route words a refusal with a request id', async () => {
  const got = await answer(fake, '/v1/messages', chatBody())
  const { request_id, ...json } = got.json
  assert.equal(got.status, 400)
  assert.match(String(request_id), /^req_[0-9a-f]{24}$/)
  const message = 'max_tokens is required and must be positive'
  assert.deepEqual(json, { type: 'error', error: { type: 'invalid_request_error', message } })
})
