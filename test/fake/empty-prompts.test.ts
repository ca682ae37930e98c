/** Requests without a prompt, which load and unload, and the forms of keep_alive. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import { answer, post } from './support.ts'

let fake: FakeOllama
before(async () => {
  fake = await startFakeOllama()
})
beforeEach(() => fake.reset())
after(() => fake.stop())

async function resident(): Promise<{ name: string; expires_at: string }[]> {
  const response = await fetch(`${fake.url}/api/ps`)
  return ((await response.json()) as { models: { name: string; expires_at: string }[] }).models
}

const EMPTY: [title: string, path: string, body: object, text: object][] = [
  ['generate without a prompt', '/api/generate', {}, { response: '' }],
  [
    'generate with an empty prompt and an image',
    '/api/generate',
    { prompt: '', images: ['YQ=='] },
    { response: '' }
  ],
  ['chat without messages', '/api/chat', {}, { message: { role: 'assistant', content: '' } }]
]

for (const [title, path, body, text] of EMPTY) {
  test(`${title} loads the model and answers with one object, without metrics`, async () => {
    const response = await post(fake, path, { model: 'Llama3.2', ...body })
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8')
    const { created_at, ...json } = (await response.json()) as Record<string, unknown>
    assert.match(String(created_at), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    assert.deepEqual(json, { model: 'Llama3.2', ...text, done: true, done_reason: 'load' })
    assert.deepEqual(
      (await resident()).map(model => model.name),
      ['llama3.2:latest']
    )
  })

  test(`${title} and keep_alive 0 unloads it, resident or not`, async () => {
    await answer(fake, path, { model: 'llama3.2', ...body })
    for (const _ of [1, 2]) {
      const { json } = await answer(fake, path, { model: 'llama3.2', ...body, keep_alive: 0 })
      assert.equal(json.done_reason, 'unload')
    }
    assert.deepEqual(await resident(), [])
  })
}

test('unloading through generate works for an embedding model, loading does not', async () => {
  const model = 'nomic-embed-text'
  assert.deepEqual((await answer(fake, '/api/embed', { model })).json, { model, embeddings: [] })
  assert.equal((await resident()).length, 1)
  assert.equal((await answer(fake, '/api/generate', { model, keep_alive: 0 })).json.done_reason, 'unload')
  assert.deepEqual(await resident(), [])
})

test('embed without input and keep_alive 0 loads and then unloads', async () => {
  const { json } = await answer(fake, '/api/embed', { model: 'nomic-embed-text', keep_alive: 0 })
  assert.deepEqual(json, { model: 'nomic-embed-text', embeddings: [] })
  await fake.waitFor('unload')
  assert.equal((await fake.state()).loads, 1)
})

test('embeddings with an empty prompt loads and answers with no numbers', async () => {
  assert.deepEqual((await answer(fake, '/api/embeddings', { model: 'nomic-embed-text' })).json, {
    embedding: []
  })
})

const FOREVER = Infinity
const VALID: [value: unknown, ms: number][] = [
  [90, 90_000],
  [0.5, 500],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1.5h', 5_400_000],
  ['+10s', 10_000],
  [-1, FOREVER],
  ['-1s', FOREVER],
  ['-24h', FOREVER]
]
for (const [value, ms] of VALID) {
  test(`keep_alive ${JSON.stringify(value)} is ${ms} ms`, async () => {
    assert.equal((await answer(fake, '/api/generate', { model: 'llama3.2', keep_alive: value })).status, 200)
    const [runner] = (await fake.state()).resident
    assert.equal(runner?.keep_alive_ms, ms === FOREVER ? null : ms)
  })
}

const INVALID: [value: unknown, error: string][] = [
  ['-1', 'time: missing unit in duration "-1"'],
  ['10', 'time: missing unit in duration "10"'],
  ['', 'time: invalid duration ""'],
  ['5 m', 'time: unknown unit " m" in duration "5 m"'],
  ['five', 'time: invalid duration "five"'],
  [true, "Unsupported type: 'bool'"],
  [{}, "Unsupported type: 'map[string]interface {}'"],
  [[], "Unsupported type: '[]interface {}'"]
]
for (const [value, error] of INVALID) {
  test(`keep_alive ${JSON.stringify(value)} is refused`, async () => {
    const got = await answer(fake, '/api/generate', { model: 'llama3.2', keep_alive: value })
    assert.deepEqual(got, { status: 400, json: { error } })
  })
}

test('"0" unloads as 0 does; null leaves what was set', async () => {
  await answer(fake, '/api/generate', { model: 'llama3.2', keep_alive: '1h' })
  await answer(fake, '/api/generate', { model: 'llama3.2', keep_alive: null })
  assert.equal((await fake.state()).resident[0]?.keep_alive_ms, 3_600_000)
  assert.equal(
    (await answer(fake, '/api/generate', { model: 'llama3.2', keep_alive: '0' })).json.done_reason,
    'unload'
  )
})

test('a model kept for ever expires in the 2310s', async () => {
  await answer(fake, '/api/generate', { model: 'llama3.2', keep_alive: -1 })
  assert.match((await resident())[0]?.expires_at ?? '', /^23[01]\d-/)
})
