/** The npm package `@anthropic-ai/sdk` through foreman. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { fault, nextIn, type Stage, start } from '../plugins/passthrough/stage.ts'

const text = 'tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7'
const request = {
  model: 'llama3.2',
  max_tokens: 64,
  messages: [{ role: 'user' as const, content: 'count' }]
}
const add = {
  name: 'add',
  input_schema: { type: 'object' as const, properties: { a: { type: 'number' } }, required: ['a'] }
}

function clientOf({ url }: Stage, field?: readonly [string, string]): Anthropic {
  const defaultHeaders = field === undefined ? undefined : Object.fromEntries([field])
  return new Anthropic({ baseURL: url, apiKey: 'any', maxRetries: 0, defaultHeaders })
}

/** What a call that must fail throws. */
async function errorOf(asked: Promise<unknown>): Promise<Error> {
  const [{ status, reason }] = (await Promise.allSettled([asked])) as [PromiseRejectedResult]
  assert.equal(status, 'rejected')
  return reason
}

async function setUp(t: TestContext, field?: readonly [string, string]) {
  const stage = await start(t)
  return { stage, client: clientOf(stage, field) }
}

test('messages, whole and streamed', async t => {
  const { client } = await setUp(t)
  const whole = await client.messages.create(request)
  assert.deepEqual(
    whole.content.map(block => (block.type === 'text' ? block.text : block.type)),
    [text]
  )
  assert.equal(whole.stop_reason, 'end_turn')
  const stream = client.messages.stream(request)
  let streamed = ''
  stream.on('text', piece => {
    streamed += piece
  })
  assert.equal((await stream.finalMessage()).usage.output_tokens, 8)
  assert.equal(streamed, text)
})

test('tools, and thinking', async t => {
  const { client } = await setUp(t)
  const called = await client.messages.stream({ ...request, tools: [add] }).finalMessage()
  assert.equal(called.stop_reason, 'tool_use')
  const [use] = called.content
  assert.ok(use?.type === 'tool_use')
  assert.deepEqual(use.input, { a: 1 })
  const thought = await client.messages.create({
    ...request,
    model: 'qwen3:8b',
    thinking: { type: 'enabled', budget_tokens: 32 }
  })
  assert.equal(thought.content[0]?.type, 'thinking')
})

test('an abort cancels the job', async t => {
  const { stage, client } = await setUp(t, fault('stall', { after: 2 }))
  const canceled = nextIn(stage, 'canceled')
  for await (const _event of await client.messages.create({ ...request, stream: true })) break
  await canceled
})

test('errors are of the class that the SDK has for their status, with their text', async t => {
  const { stage, client } = await setUp(t)
  const unknown = await errorOf(client.messages.create({ ...request, model: 'nobody' }))
  assert.ok(unknown instanceof Anthropic.NotFoundError)
  assert.match(unknown.message, /model 'nobody' not found/)
  const cloud = await errorOf(client.messages.create({ ...request, model: 'kimi:cloud' }))
  assert.ok(cloud instanceof Anthropic.PermissionDeniedError)
  assert.match(cloud.message, /leaves this machine/)
  const busy = await errorOf(clientOf(stage, fault('queue_full')).messages.create(request))
  assert.ok(busy instanceof Anthropic.InternalServerError)
  assert.match(busy.message, /overloaded_error/)
})

test('count_tokens is not there, as on the target', async t => {
  const { client } = await setUp(t)
  const { max_tokens: _, ...counted } = request
  await assert.rejects(client.messages.countTokens(counted), { status: 404 })
})
