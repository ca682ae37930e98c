/** The npm package `openai` through foreman. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import OpenAI from 'openai'
import { fault, nextIn, type Stage, start } from '../plugins/passthrough/stage.ts'

const text = 'tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7'
const messages = [{ role: 'user' as const, content: 'count' }]
const add = {
  type: 'function' as const,
  function: {
    name: 'add',
    parameters: { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] }
  }
}

function clientOf({ url }: Stage, field?: readonly [string, string]): OpenAI {
  const defaultHeaders = field === undefined ? undefined : Object.fromEntries([field])
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0, defaultHeaders })
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

test('chat completions, whole and streamed, with usage and tools', async t => {
  const { client } = await setUp(t)
  const { chat } = client
  const whole = await chat.completions.create({ model: 'llama3.2', messages })
  assert.equal(whole.choices[0]?.message.content, text)
  const stream_options = { include_usage: true }
  const stream = await chat.completions.create({ model: 'llama3.2', messages, stream: true, stream_options })
  let streamed = ''
  let usage: OpenAI.CompletionUsage | null | undefined
  for await (const chunk of stream) {
    streamed += chunk.choices[0]?.delta.content ?? ''
    usage = chunk.usage ?? usage
  }
  assert.equal(streamed, text)
  assert.equal(usage?.completion_tokens, 8)
  const called = await chat.completions.create({ model: 'llama3.2', messages, tools: [add] })
  assert.equal(called.choices[0]?.finish_reason, 'tool_calls')
})

test('the runner of streams sees their pieces and their end', async t => {
  const { client } = await setUp(t)
  const stream = client.chat.completions.stream({ model: 'llama3.2', messages })
  assert.equal((await stream.finalChatCompletion()).choices[0]?.message.content, text)
})

test('completions, and a transcription', async t => {
  const { client } = await setUp(t)
  const completion = await client.completions.create({ model: 'llama3.2', prompt: 'count' })
  assert.equal(completion.choices[0]?.text, text)
  const file = new File([new Uint8Array([82, 73, 70, 70])], 'a.wav', { type: 'audio/wav' })
  // Ollama names the type of its own stream here, so the SDK does not see that the answer is JSON.
  const heard = await client.audio.transcriptions.create({ model: 'whisper:base', file }).asResponse()
  assert.deepEqual(await heard.json(), { text })
})

test('responses, whole and streamed', async t => {
  const { client } = await setUp(t)
  const whole = await client.responses.create({ model: 'llama3.2', input: 'count' })
  assert.equal(whole.output_text, text)
  const stream = await client.responses.create({ model: 'llama3.2', input: 'count', stream: true })
  const types: string[] = []
  for await (const event of stream) types.push(event.type)
  assert.equal(types[0], 'response.created')
  assert.equal(types.at(-1), 'response.completed')
})

test('embeddings, models', async t => {
  const { client } = await setUp(t)
  const { data } = await client.embeddings.create({ model: 'nomic-embed-text', input: ['one', 'two'] })
  assert.deepEqual(
    data.map(({ embedding }) => embedding.length),
    [768, 768]
  )
  assert.ok((await client.models.list()).data.some(model => model.id === 'qwen3:8b'))
  assert.equal((await client.models.retrieve('qwen3:8b')).object, 'model')
})

test('an abort cancels the job', async t => {
  const { stage, client } = await setUp(t, fault('stall', { after: 2 }))
  const canceled = nextIn(stage, 'canceled')
  const stream = await client.chat.completions.create({ model: 'llama3.2', messages, stream: true })
  for await (const _chunk of stream) break
  await canceled
})

test('errors are of the class that the SDK has for their status, with their text', async t => {
  const { stage, client } = await setUp(t)
  const ask = (model: string, of = client) => of.chat.completions.create({ model, messages })
  const unknown = await errorOf(ask('nobody'))
  assert.ok(unknown instanceof OpenAI.NotFoundError)
  assert.equal(unknown.message, "404 model 'nobody' not found")
  const cloud = await errorOf(ask('kimi:cloud'))
  assert.ok(cloud instanceof OpenAI.PermissionDeniedError)
  assert.match(cloud.message, /^403 .*leaves this machine/)
  const empty = await errorOf(ask('llama3.2', clientOf(stage, fault('empty'))))
  assert.ok(empty instanceof OpenAI.InternalServerError)
  assert.equal(empty.message, '503 service unavailable')
})

test('a retry of the SDK is a job of its own', async t => {
  const faults = [{ kind: 'queue_full' as const, times: 1, path: '/v1/chat/completions' }]
  const stage = await start(t, { fake: { faults } })
  const client = new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: 'any', maxRetries: 1 })
  const answer = await client.chat.completions.create({ model: 'llama3.2', messages })
  assert.equal(answer.choices[0]?.message.content, text)
  const states = stage.app.db.prepare('SELECT state FROM job ORDER BY seq').pluck().all()
  assert.deepEqual(states, ['failed', 'done'])
})
