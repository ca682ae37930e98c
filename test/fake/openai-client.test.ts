/** The official OpenAI client, end to end. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import OpenAI from 'openai'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import { answer, chatBody, post } from './support.ts'

let fake: FakeOllama
let client: OpenAI
before(async () => {
  fake = await startFakeOllama({ token_count: 3 })
  client = new OpenAI({ baseURL: `${fake.url}/v1`, apiKey: 'unused', maxRetries: 0 })
})
beforeEach(() => fake.reset())
after(() => fake.stop())

const model = 'llama3.2'
const messages: [{ role: 'user'; content: string }] = [{ role: 'user', content: 'hello' }]
const parameters = { type: 'object', required: ['a'], properties: { a: { type: 'string' } } }
const tools: [OpenAI.ChatCompletionFunctionTool] = [{ type: 'function', function: { name: 'f', parameters } }]

test('a chat completion, at once and streamed', async () => {
  const whole = await client.chat.completions.create({ model, messages })
  assert.equal(whole.choices[0]?.message.content, 'tok0 tok1 tok2')
  assert.equal(whole.choices[0]?.finish_reason, 'stop')
  const stream = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } })
  const final = await stream.finalChatCompletion()
  assert.equal(final.choices[0]?.message.content, 'tok0 tok1 tok2')
  assert.equal(final.usage?.completion_tokens, 3)
})

test('max_tokens is a limit', async () => {
  const cut = await client.chat.completions.create({ model, messages, max_tokens: 2 })
  assert.deepEqual([cut.choices[0]?.message.content, cut.choices[0]?.finish_reason], ['tok0 tok1', 'length'])
  const enough = await client.chat.completions.create({ model, messages, max_tokens: 4000 })
  assert.equal(enough.choices[0]?.finish_reason, 'stop')
})

test('tool calls carry their arguments as text, at once and streamed, in both framings', async () => {
  for (const name of [model, 'qwen3:8b']) {
    const whole = await client.chat.completions.create({ model: name, messages, tools })
    const [call] = whole.choices[0]?.message.tool_calls ?? []
    assert.equal(call?.type === 'function' && call.function.arguments, '{"a":"tok0"}')
    assert.equal(whole.choices[0]?.finish_reason, 'tool_calls')
    const final = await client.chat.completions.stream({ model: name, messages, tools }).finalChatCompletion()
    assert.equal(final.choices[0]?.finish_reason, 'tool_calls')
    assert.equal(final.choices[0]?.message.tool_calls?.length, 1)
  }
})

test('completions, at once and streamed; an empty prompt loads', async () => {
  const whole = await client.completions.create({ model, prompt: 'x' })
  assert.equal(whole.choices[0]?.text, 'tok0 tok1 tok2')
  let text = ''
  for await (const chunk of await client.completions.create({ model, prompt: 'x', stream: true })) {
    text += chunk.choices[0]?.text ?? ''
  }
  assert.equal(text, 'tok0 tok1 tok2')
  const loaded = await client.completions.create({ model, prompt: '' })
  assert.equal(loaded.choices[0]?.finish_reason as string, 'load')
})

test('responses, at once and streamed', async () => {
  const whole = await client.responses.create({ model, input: 'hello' })
  assert.equal(whole.output_text, 'tok0 tok1 tok2')
  const types: string[] = []
  let text = ''
  for await (const event of await client.responses.create({
    model: 'qwen3:8b',
    input: 'hello',
    stream: true
  })) {
    types.push(event.type)
    if (event.type === 'response.output_text.delta') text += event.delta
  }
  assert.equal(text, 'tok0 tok1 tok2')
  assert.deepEqual(types.slice(0, 3), [
    'response.created',
    'response.in_progress',
    'response.output_item.added'
  ])
  assert.equal(types.at(-1), 'response.completed')
  assert.ok(types.includes('response.reasoning_summary_text.delta'))
})

test('responses with a tool', async () => {
  const tool = { type: 'function' as const, name: 'f', parameters, strict: false }
  const whole = await client.responses.create({
    model,
    input: [{ role: 'user', content: 'x' }],
    tools: [tool]
  })
  const [item] = whole.output
  assert.deepEqual(item?.type === 'function_call' && [item.name, item.arguments], ['f', '{"a":"tok0"}'])
  const input = [
    { role: 'user' as const, content: 'x' },
    { type: 'function_call' as const, call_id: 'c', name: 'f', arguments: '{}' },
    { type: 'function_call_output' as const, call_id: 'c', output: '20' }
  ]
  const told = await client.responses.create({ model, input, tools: [tool] })
  assert.equal(told.output_text, 'tok0 tok1 tok2')
})

test('embeddings, as numbers and as base64', async () => {
  const input = ['a', 'b']
  const numbers = await client.embeddings.create({
    model: 'nomic-embed-text',
    input,
    encoding_format: 'float'
  })
  const text = await client.embeddings.create({ model: 'nomic-embed-text', input })
  assert.equal(numbers.data[1]?.embedding.length, 768)
  assert.deepEqual(text.data[1]?.embedding.map(Math.fround), numbers.data[1]?.embedding.map(Math.fround))
})

test('models, one and all', async () => {
  const { data } = await client.models.list()
  assert.ok(data.some(one => one.id === 'llama3.2:latest' && one.owned_by === 'library'))
  assert.equal((await client.models.retrieve(model)).id, model)
  await assert.rejects(client.models.retrieve('nope'), { status: 404 })
})

test('a transcription', async () => {
  const file = new File(['sound'], 'a.wav')
  const text = await client.audio.transcriptions.create({
    model: 'whisper:base',
    file,
    response_format: 'text'
  })
  assert.equal(text, 'tok0 tok1 tok2')
})

test('errors have their status and type', async () => {
  const refused = client.chat.completions.create({ model: 'nope', messages, stream: true })
  await assert.rejects(refused, {
    status: 404,
    type: 'not_found_error',
    message: "404 model 'nope' not found"
  })
  const empty = client.chat.completions.create({ model, messages: [] })
  await assert.rejects(empty, { status: 400, type: 'invalid_request_error' })
})

test('a body may be compressed with zstd', async () => {
  const body = new Uint8Array(zstdCompressSync(JSON.stringify(chatBody())))
  const headers = { 'content-encoding': 'zstd' }
  const response = await fetch(`${fake.url}/v1/chat/completions`, { method: 'POST', headers, body })
  assert.equal(response.status, 200)
  const broken = await post(fake, '/v1/chat/completions', 'not zstd', { headers })
  assert.deepEqual(await broken.json(), { error: 'invalid input: magic number mismatch' })
})

test('reasoning_effort sets whether the model thinks', async () => {
  const think = async (reasoning_effort: string): Promise<unknown> => {
    const { json } = await answer(
      fake,
      '/v1/chat/completions',
      chatBody({ model: 'qwen3:8b', reasoning_effort })
    )
    return (
      (json.choices as { message: { reasoning?: string } }[] | undefined)?.[0]?.message.reasoning ??
      json.error
    )
  }
  assert.equal(await think('high'), 'think0 think1 think2')
  assert.equal(await think('none'), undefined)
  assert.match(JSON.stringify(await think('silly')), /invalid reasoning value/)
})
