import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type BodyContext,
  type Inference,
  inferenceRoutes,
  readInference
} from '../../../core/target/inference.ts'

function read(path: string, body: object | string, context?: BodyContext): Inference {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const inference = readInference(path, Buffer.from(text), context)
  assert.ok(!inference.malformed, `${path} ${text} is read`)
  return inference
}

test('the routes that use a model are those of the target, with their kind and their default', () => {
  const found = inferenceRoutes.map(({ path, kind, streamsByDefault }) => [path, kind, streamsByDefault])
  assert.deepEqual(found, [
    ['/api/generate', 'generate', true],
    ['/api/chat', 'chat', true],
    ['/api/embed', 'embed', false],
    ['/api/embeddings', 'embed', false],
    ['/v1/chat/completions', 'chat', false],
    ['/v1/completions', 'generate', false],
    ['/v1/responses', 'chat', false],
    ['/v1/messages', 'chat', false],
    ['/v1/systemone', 'generate', false],
    ['/v1/embeddings', 'embed', false],
    ['/v1/audio/transcriptions', 'transcription', false]
  ])
})

test('a path that does not use a model is an error of the caller', () => {
  for (const path of ['/api/tags', '/api/chat/', '/API/CHAT', '/v1/models']) {
    assert.throws(() => readInference(path, Buffer.from('{}')), RangeError)
  }
})

for (const [path, stream, streams] of [
  ['/api/chat', undefined, true],
  ['/api/chat', null, true],
  ['/api/chat', true, true],
  ['/api/chat', false, false],
  ['/api/generate', undefined, true],
  ['/api/embed', undefined, false],
  ['/api/embed', true, false],
  ['/v1/chat/completions', undefined, false],
  ['/v1/chat/completions', true, true],
  ['/v1/messages', true, true],
  ['/v1/responses', false, false],
  ['/v1/embeddings', undefined, false]
] as const) {
  test(`${path} with stream ${stream} answers ${streams ? 'in pieces' : 'whole'}`, () => {
    const inference = read(path, { model: 'm', messages: [], input: 'a', max_tokens: 1, stream })
    assert.equal(inference.streams, streams)
  })
}

test('a native body tells the model, the load options and the shift', () => {
  const options = { num_ctx: 8192, temperature: 0.5 }
  const inference = read('/api/generate', { model: 'llama3.2', prompt: 'a', options, shift: false })
  const { route, model, models, loadOptions, shift, native } = inference
  assert.deepEqual(
    { route: route.path, model, models, loadOptions, shift, emptyPrompt: native?.emptyPrompt },
    {
      route: '/api/generate',
      model: 'llama3.2',
      models: ['llama3.2'],
      loadOptions: { num_ctx: 8192 },
      shift: false,
      emptyPrompt: false
    }
  )
})

test('a native body without a model has none', () => {
  const { model, models } = read('/api/chat', '{}')
  assert.deepEqual([model, models], [undefined, []])
})

test('of two models the last holds, as the target has it', () => {
  assert.equal(read('/api/chat', '{"model":"a","Model":"b"}').model, 'b')
})

test('a translated body tells the model and nothing of how to load it', () => {
  const inference = read('/v1/chat/completions', { model: 'm', messages: [], options: { num_ctx: 1 } })
  const { model, loadOptions, shift, native } = inference
  assert.deepEqual(
    { model, loadOptions, shift, native },
    { model: 'm', loadOptions: {}, shift: undefined, native: undefined }
  )
})

test('a transcription tells its model in a form', () => {
  const part = (name: string, value: string) =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const body = `${part('model', 'whisper')}${part('file', 'x')}--b--\r\n`
  const { model, route } = read('/v1/audio/transcriptions', body, {
    contentType: 'multipart/form-data; boundary=b'
  })
  assert.deepEqual([model, route.kind], ['whisper', 'transcription'])
})

test('what the target refuses to read is malformed, and goes there for its words', () => {
  for (const [path, body] of [
    ['/api/chat', '{"model":'],
    ['/api/chat', '[]'],
    ['/api/generate', '{"model":1}'],
    ['/api/embed', ''],
    ['/v1/chat/completions', '{"model":']
  ] as const) {
    const inference = readInference(path, Buffer.from(body))
    assert.deepEqual(
      [inference.malformed, inference.malformed && inference.forward],
      [true, true],
      `${path} ${body}`
    )
  }
})
