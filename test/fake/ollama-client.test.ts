/** The official Ollama client, end to end. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { Ollama } from 'ollama'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'

let fake: FakeOllama
let client: Ollama
before(async () => {
  fake = await startFakeOllama({ token_count: 3 })
  client = new Ollama({ host: fake.url })
})
beforeEach(() => fake.reset())
after(() => fake.stop())

const model = 'llama3.2'
const messages = [{ role: 'user', content: 'hello' }]

/** Everything that an iterator gives. */
async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

test('list, show and version', async () => {
  const { models } = await client.list()
  assert.ok(models.some(one => one.name === 'llama3.2:latest' && one.digest.length === 64))
  const shown = await client.show({ model })
  assert.deepEqual(shown.capabilities, ['completion', 'tools'])
  assert.equal((await client.version()).version, '0.33.0')
})

test('ps shows what is loaded, and when it goes', async () => {
  assert.deepEqual((await client.ps()).models, [])
  await client.generate({ model, prompt: '', keep_alive: '10m' })
  const [one] = (await client.ps()).models
  assert.equal(one?.name, 'llama3.2:latest')
  const inMs = new Date(one?.expires_at ?? 0).getTime() - Date.now()
  assert.ok(inMs > 590_000 && inMs <= 600_000)
})

test('generate, at once and streamed', async () => {
  const whole = await client.generate({ model, prompt: 'x' })
  assert.equal(whole.response, 'tok0 tok1 tok2')
  const parts = await all(await client.generate({ model, prompt: 'x', stream: true }))
  assert.equal(parts.map(part => part.response).join(''), 'tok0 tok1 tok2')
  assert.equal(parts.at(-1)?.done_reason, 'stop')
})

test('chat, at once and streamed', async () => {
  const whole = await client.chat({ model, messages, options: { num_predict: 2 } })
  assert.equal(whole.message.content, 'tok0 tok1')
  assert.equal(whole.done_reason, 'length')
  const parts = await all(await client.chat({ model, messages, stream: true }))
  assert.equal(parts.map(part => part.message.content).join(''), 'tok0 tok1 tok2')
})

test('chat with a tool, and with thinking', async () => {
  const parameters = { type: 'object', required: ['a'], properties: { a: { type: 'string' } } }
  const tools = [{ type: 'function', function: { name: 'f', description: '', parameters } }]
  const called = await client.chat({ model, messages, tools })
  assert.deepEqual(called.message.tool_calls?.[0]?.function.arguments, { a: 'tok0' })
  const thought = await client.chat({ model: 'qwen3:8b', messages, think: true })
  assert.equal(thought.message.thinking, 'think0 think1 think2')
})

test('a model that talks with tools says its words before it calls, and calls all of them', async () => {
  await fake.reset({
    models: [{ name: 'talker', capabilities: ['completion', 'tools'], talks_with_tools: true }]
  })
  const parameters = { type: 'object', required: ['a'], properties: { a: { type: 'string' } } }
  const tools = ['f', 'g'].map(name => ({
    type: 'function',
    function: { name, description: '', parameters }
  }))
  const { message } = await client.chat({ model: 'talker', messages, tools })
  assert.equal(message.content, 'tok0 tok1 tok2')
  const calls = message.tool_calls?.map(call => call.function.name)
  assert.deepEqual(calls, ['f', 'g'])
})

test('embed', async () => {
  const { embeddings } = await client.embed({ model: 'nomic-embed-text', input: ['a', 'b'] })
  assert.deepEqual(
    embeddings.map(vector => vector.length),
    [768, 768]
  )
})

test('pull with progress, then copy and delete', async () => {
  const steps = await all(await client.pull({ model: 'smollm2:135m', stream: true }))
  assert.equal(steps.at(-1)?.status, 'success')
  assert.ok(steps.some(step => step.completed === step.total && step.total > 0))
  assert.deepEqual(await client.copy({ source: 'smollm2:135m', destination: 'mine' }), { status: 'success' })
  assert.deepEqual(await client.delete({ model: 'mine' }), { status: 'success' })
})

test('an unknown model is told with its status', async () => {
  await assert.rejects(client.chat({ model: 'nope', messages }), {
    status_code: 404,
    error: "model 'nope' not found"
  })
})

test('an error in the middle of a stream is thrown', async () => {
  const stream = await client.chat({ model: `${model}--error_line-2`, messages, stream: true })
  await assert.rejects(all(stream), /fault injected/)
})

test('a stream that ends without its last record is thrown', async () => {
  const stream = await client.chat({ model: `${model}--clean_end-2`, messages, stream: true })
  await assert.rejects(all(stream), /Did not receive done or success response/)
})

test('abort ends the generation', async () => {
  await fake.configure({ token_delay_ms: 20 })
  const stream = await client.generate({ model, prompt: 'x', stream: true, options: { num_predict: 10_000 } })
  await fake.waitFor('generation_start')
  stream.abort()
  await assert.rejects(all(stream), { name: 'AbortError' })
  await fake.waitFor('generation_end')
  assert.equal((await fake.state()).concurrent_generations, 0)
})
