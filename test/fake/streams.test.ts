/** What a stream looks like on the wire, and what its text is. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import { answer, chatBody, chatText, post, rawChunks, records } from './support.ts'

let fake: FakeOllama
before(async () => {
  fake = await startFakeOllama({ token_count: 3 })
})
beforeEach(() => fake.reset())
after(() => fake.stop())

const TOOLS = [
  {
    type: 'function',
    function: {
      name: 'weather',
      parameters: {
        type: 'object',
        required: ['city', 'days'],
        properties: { city: { type: 'string' }, days: { type: 'integer' } }
      }
    }
  }
]

test('a chat streams by default: a chunk a token, a line each, then the done line', async () => {
  const { head, chunks } = await rawChunks(fake, '/api/chat', chatBody())
  const lines = chunks.map(String)
  assert.match(head, /^HTTP\/1.1 200 OK\r\nContent-Type: application\/x-ndjson\r\nDate: [^\r]+\r\n/)
  assert.match(head, /Transfer-Encoding: chunked/)
  assert.equal(lines.length, 4)
  assert.ok(lines.every(line => line.endsWith('\n') && line.indexOf('\n') === line.length - 1))
  const all = lines.map(line => JSON.parse(line) as Record<string, unknown>)
  assert.equal(chatText(all), 'tok0 tok1 tok2')
  assert.deepEqual(
    all.map(record => record.done),
    [false, false, false, true]
  )
})

test('no header is sent before the first token', async () => {
  await fake.reset({ prompt_delay_ms: 80 })
  const response = await post(fake, '/api/chat', chatBody())
  const [start] = await fake.waitFor('generation_start')
  const { now_ms } = await fake.state()
  assert.ok(now_ms - (start?.at_ms ?? 0) >= 75)
  await response.text()
})

test('the done line has its members in order and whole nanoseconds; zeros are left out', async () => {
  const last = (await records(await post(fake, '/api/chat', chatBody()))).at(-1) ?? {}
  assert.deepEqual(Object.keys(last), [
    'model',
    'created_at',
    'message',
    'done',
    'done_reason',
    'total_duration',
    'load_duration',
    'prompt_eval_count',
    'prompt_eval_duration',
    'eval_count',
    'eval_duration'
  ])
  assert.ok(Number.isInteger(last.total_duration) && (last.total_duration as number) > 0)
  assert.equal(last.eval_count, 3)
})

test('num_predict sets the number of tokens, and then the reason is length', async () => {
  const body = { model: 'llama3.2', prompt: 'x', options: { num_predict: 2 } }
  const all = await records(await post(fake, '/api/generate', body))
  assert.deepEqual(
    all.map(record => record.response),
    ['tok0', ' tok1', '']
  )
  assert.equal(all.at(-1)?.done_reason, 'length')
  assert.deepEqual(all.at(-1)?.context, [1, 2, 3])
  const raw = await records(await post(fake, '/api/generate', { ...body, raw: true }))
  assert.equal('context' in (raw.at(-1) ?? {}), false)
})

test('a stop word ends the text before it', async () => {
  const { json } = await answer(fake, '/api/generate', {
    model: 'llama3.2',
    prompt: 'x',
    stream: false,
    options: { stop: ['k2'] }
  })
  assert.equal(json.response, 'tok0 tok1 to')
  assert.equal(json.done_reason, 'stop')
})

test('keys match whatever their case, the last one wins, what follows the object is ignored', async () => {
  const body =
    '{"model":"nope","MODEL":"llama3.2","Messages":[{"ROLE":"user","content":"x"}],"stream":false} rest'
  const { status, json } = await answer(fake, '/api/chat', body)
  assert.equal(status, 200)
  assert.equal(json.model, 'llama3.2')
})

test('the model is echoed as it was sent', async () => {
  for (const model of ['LLAMA3.2', 'library/llama3.2', ' llama3.2 ', 'llama3.2:local']) {
    assert.equal((await answer(fake, '/api/chat', chatBody({ model, stream: false }))).json.model, model)
  }
})

test('thinking comes first and in its own field; think false turns it off', async () => {
  const all = await records(await post(fake, '/api/chat', chatBody({ model: 'qwen3:8b' })))
  const [first] = all.map(record => record.message as Record<string, unknown>)
  assert.deepEqual(first, { role: 'assistant', content: '', thinking: 'think0' })
  assert.equal(chatText(all), 'tok0 tok1 tok2')
  const { json } = await answer(
    fake,
    '/api/chat',
    chatBody({ model: 'qwen3:8b', think: false, stream: false })
  )
  assert.deepEqual(json.message, { role: 'assistant', content: 'tok0 tok1 tok2' })
})

const CALL = { index: 0, name: 'weather', arguments: { city: 'tok0', days: 1 } }

test('a template model puts its tool call on the done line', async () => {
  const all = await records(await post(fake, '/api/chat', chatBody({ tools: TOOLS })))
  assert.equal(all.length, 1)
  const { tool_calls } = all[0]!.message as { tool_calls: { id: string; function: object }[] }
  assert.match(tool_calls[0]?.id ?? '', /^call_[0-9a-z]{8}$/)
  assert.deepEqual(tool_calls[0]?.function, CALL)
  assert.equal(all[0]?.done_reason, 'stop')
})

test('a parser model puts its tool call in a chunk before the done line', async () => {
  const all = await records(
    await post(fake, '/api/chat', chatBody({ model: 'qwen3:8b', think: false, tools: TOOLS }))
  )
  assert.deepEqual(
    all.map(record => record.done),
    [false, true]
  )
  assert.ok('tool_calls' in (all[0]!.message as object))
  assert.equal('tool_calls' in (all[1]!.message as object), false)
})

test('after the result of a tool the model answers in words', async () => {
  const messages = [
    { role: 'user', content: 'x' },
    { role: 'tool', content: '20', tool_name: 'weather' }
  ]
  const { json } = await answer(fake, '/api/chat', chatBody({ tools: TOOLS, messages, stream: false }))
  assert.deepEqual(json.message, { role: 'assistant', content: 'tok0 tok1 tok2' })
})

test('format makes the text JSON', async () => {
  for (const format of ['json', { type: 'object' }]) {
    const { json } = await answer(fake, '/api/generate', {
      model: 'llama3.2',
      prompt: 'x',
      format,
      stream: false
    })
    assert.deepEqual(JSON.parse(json.response as string), { tok0: 0 })
  }
})

test('logprobs come with each token, as many alternatives as asked', async () => {
  const body = chatBody({ logprobs: true, top_logprobs: 2, stream: false })
  const { json } = await answer(fake, '/api/chat', body)
  const logprobs = json.logprobs as { token: string; bytes: number[]; top_logprobs: object[] }[]
  assert.deepEqual(
    logprobs.map(one => one.token),
    ['tok0', ' tok1', ' tok2']
  )
  assert.deepEqual(logprobs[0]?.bytes, [...Buffer.from('tok0')])
  assert.ok(logprobs.every(one => one.top_logprobs.length === 2))
})

test('embeddings depend on model and text alone, in the order of the input, each of length 1', async () => {
  const embed = async (input: unknown, extra: object = {}): Promise<number[][]> =>
    (await answer(fake, '/api/embed', { model: 'nomic-embed-text', input, ...extra })).json
      .embeddings as number[][]
  const [a, b] = await embed(['alpha', 'beta'])
  assert.deepEqual(await embed('beta'), [b])
  assert.notDeepEqual(a, b)
  assert.equal(a?.length, 768)
  assert.ok(Math.abs(Math.hypot(...(a ?? [])) - 1) < 1e-6)
  const [cut] = await embed('alpha', { dimensions: 4 })
  assert.equal(cut?.length, 4)
  assert.ok(Math.abs(Math.hypot(...(cut ?? [])) - 1) < 1e-6)
})

test('an OpenAI stream says its role first, its reason in a chunk of its own, then [DONE]', async () => {
  const response = await post(fake, '/v1/chat/completions', chatBody({ stream: true }))
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const events = (await response.text()).split('\n\n').filter(event => event !== '')
  assert.equal(events.pop(), 'data: [DONE]')
  const deltas = events.map(event => JSON.parse(event.slice('data: '.length)).choices[0])
  assert.deepEqual(deltas[0]?.delta, { role: 'assistant', content: 'tok0' })
  assert.deepEqual(deltas.at(-1), { index: 0, delta: {}, finish_reason: 'stop' })
})

test('a transcription carries the type of the stream behind it', async () => {
  const form = new FormData()
  form.set('model', 'whisper:base')
  form.set('file', new File(['sound'], 'a.wav'))
  const response = await fetch(`${fake.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson')
  assert.deepEqual(await response.json(), { text: 'tok0 tok1 tok2' })
})
