/** The official Anthropic client, end to end. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'

let fake: FakeOllama
let client: Anthropic
before(async () => {
  fake = await startFakeOllama({ token_count: 3 })
  client = new Anthropic({ baseURL: fake.url, apiKey: 'unused', maxRetries: 0 })
})
beforeEach(() => fake.reset())
after(() => fake.stop())

const messages: [{ role: 'user'; content: string }] = [{ role: 'user', content: 'hello' }]
const request = { model: 'llama3.2', max_tokens: 100, messages }
const tools: [Anthropic.Tool] = [
  { name: 'f', input_schema: { type: 'object', required: ['a'], properties: { a: { type: 'string' } } } }
]

test('a message, at once and streamed', async () => {
  const whole = await client.messages.create(request)
  assert.deepEqual(whole.content, [{ type: 'text', text: 'tok0 tok1 tok2' }])
  assert.equal(whole.stop_reason, 'end_turn')
  const stream = client.messages.stream(request)
  assert.equal(await stream.finalText(), 'tok0 tok1 tok2')
  assert.equal((await stream.finalMessage()).usage.output_tokens, 3)
})

test('max_tokens cuts the answer', async () => {
  const cut = await client.messages.create({ ...request, max_tokens: 2 })
  assert.equal(cut.stop_reason, 'max_tokens')
})

test('thinking has a block of its own, and is dropped where the model cannot', async () => {
  const thinking = { type: 'enabled' as const, budget_tokens: 1024 }
  const thought = await client.messages.stream({ ...request, model: 'qwen3:8b', thinking }).finalMessage()
  assert.deepEqual(
    thought.content.map(block => block.type),
    ['thinking', 'text']
  )
  const plain = await client.messages.create({ ...request, thinking })
  assert.deepEqual(
    plain.content.map(block => block.type),
    ['text']
  )
})

test('a tool is called, at once and streamed, and its result answered in words', async () => {
  const whole = await client.messages.create({ ...request, tools })
  const streamed = await client.messages.stream({ ...request, tools }).finalMessage()
  for (const { content, stop_reason } of [whole, streamed]) {
    assert.equal(stop_reason, 'tool_use')
    const [block] = content
    assert.deepEqual(block?.type === 'tool_use' && block.input, { a: 'tok0' })
  }
  const result: Anthropic.MessageParam[] = [
    ...messages,
    { role: 'assistant', content: whole.content },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: '20' }] }
  ]
  const told = await client.messages.create({ ...request, tools, messages: result })
  assert.deepEqual(told.content, [{ type: 'text', text: 'tok0 tok1 tok2' }])
})

test('the events of a stream come in order', async () => {
  const types: string[] = []
  for await (const event of await client.messages.create({ ...request, max_tokens: 1, stream: true })) {
    types.push(event.type)
  }
  assert.deepEqual(types, [
    'message_start',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop'
  ])
})

test('errors have their status and type', async () => {
  const unknown = client.messages.create({ ...request, model: 'nope' })
  await assert.rejects(unknown, (error: InstanceType<typeof Anthropic.APIError>) => {
    assert.equal(error.status, 404)
    assert.match(error.message, /not_found_error.*model 'nope' not found/)
    return true
  })
  await assert.rejects(client.messages.create({ ...request, max_tokens: 0 }), { status: 400 })
})

test('an error in the middle of a stream is lost: the stream only stops', async () => {
  const types: string[] = []
  const stream = await client.messages.create({ ...request, model: 'llama3.2--error_line-1', stream: true })
  for await (const event of stream) types.push(event.type)
  assert.equal(types.at(-1), 'content_block_delta')
})
