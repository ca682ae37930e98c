/** The npm package `ollama` through foreman: every call it has for a server, and what it makes of errors. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Ollama } from 'ollama'
import { fault, nextIn, type Stage, start } from '../plugins/passthrough/stage.ts'

const text = 'tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7'
const say = [{ role: 'user', content: 'count' }]
const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city',
    parameters: { type: 'object', required: ['city'], properties: { city: { type: 'string' } } }
  }
}

/** Makes a client; the fake's faults go in its headers. */
async function setUp(t: TestContext, field?: readonly [string, string]) {
  const stage = await start(t)
  const headers = Object.fromEntries(field === undefined ? [] : [field])
  return { stage, client: new Ollama({ host: stage.url, headers }) }
}

async function gather<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const parts: T[] = []
  for await (const part of stream) parts.push(part)
  return parts
}

/** How the jobs of foreman ended, oldest first. */
function states({ app }: Stage): unknown[] {
  return app.db.prepare('SELECT state FROM job ORDER BY seq').pluck().all()
}

test('chat, whole and streamed, with tools and thinking', async t => {
  const { stage, client } = await setUp(t)
  const whole = await client.chat({ model: 'llama3.2', messages: say })
  assert.equal(whole.message.content, text)
  const parts = await gather(await client.chat({ model: 'llama3.2', messages: say, stream: true }))
  assert.equal(parts.map(part => part.message.content).join(''), text)
  assert.equal(parts.at(-1)?.done, true)
  const called = await client.chat({ model: 'llama3.2', messages: say, tools: [weather] })
  assert.equal(called.message.tool_calls?.[0]?.function.name, 'get_weather')
  const thought = await client.chat({ model: 'qwen3:8b', messages: say, think: true })
  assert.equal(thought.message.thinking, 'think0 think1 think2')
  assert.deepEqual(states(stage), ['done', 'done', 'done', 'done'])
})

test('generate, whole and streamed, with an image and in JSON', async t => {
  const { stage, client } = await setUp(t)
  assert.equal((await client.generate({ model: 'llama3.2', prompt: 'count' })).response, text)
  const parts = await gather(await client.generate({ model: 'llama3.2', prompt: 'count', stream: true }))
  assert.equal(parts.map(part => part.response).join(''), text)
  const images = [new Uint8Array([1, 2, 3])]
  assert.equal((await client.generate({ model: 'gemma3:4b', prompt: 'what', images })).done, true)
  const json = await client.generate({ model: 'llama3.2', prompt: 'count', format: 'json' })
  assert.equal(JSON.parse(json.response ?? '').tok0, 0)
  assert.deepEqual(states(stage), ['done', 'done', 'done', 'done'])
})

test('embed and embeddings', async t => {
  const { client } = await setUp(t)
  const { embeddings } = await client.embed({ model: 'nomic-embed-text', input: ['one', 'two'] })
  assert.deepEqual(
    embeddings.map(vector => vector.length),
    [768, 768]
  )
  const { embedding } = await client.embeddings({ model: 'nomic-embed-text', prompt: 'one' })
  assert.deepEqual(embedding, embeddings[0])
})

test('list, show, ps and version', async t => {
  const { stage, client } = await setUp(t)
  await client.chat({ model: 'llama3.2', messages: say })
  const { models } = await client.list()
  assert.ok(models.some(model => model.name === 'qwen3:8b'))
  assert.equal((await client.show({ model: 'llama3.2' })).details.format, 'gguf')
  assert.deepEqual((await client.ps()).models.map(model => model.name).sort(), [
    'llama3.2:latest',
    'nomic-embed-text:latest'
  ])
  assert.equal((await client.version()).version, '0.33.0')
  assert.equal(states(stage).length, 1)
})

test('pull, create, copy, push and delete', async t => {
  const { client } = await setUp(t)
  const progress = await gather(await client.pull({ model: 'smollm2:135m', stream: true }))
  assert.equal(progress.at(-1)?.status, 'success')
  assert.equal((await client.pull({ model: 'all-minilm' })).status, 'success')
  await client.create({ model: 'mine', from: 'llama3.2', system: 'Sing.' })
  await client.copy({ source: 'mine', destination: 'yours' })
  assert.equal((await client.chat({ model: 'yours', messages: say })).message.content, text)
  assert.equal((await client.push({ model: 'yours' })).status, 'success')
  await client.delete({ model: 'mine' })
  const names = (await client.list()).models.map(model => model.name)
  assert.ok(names.includes('yours:latest') && !names.includes('mine:latest'))
})

test('abort ends the stream, the job and the generation', async t => {
  const { stage, client } = await setUp(t, fault('stall', { after: 2 }))
  const canceled = nextIn(stage, 'canceled')
  const stream = await client.chat({ model: 'llama3.2', messages: say, stream: true })
  const parts: string[] = []
  await assert.rejects(
    async () => {
      for await (const part of stream) {
        parts.push(part.message.content)
        if (parts.length === 2) client.abort()
      }
    },
    { name: 'AbortError' }
  )
  assert.deepEqual(parts, ['tok0', ' tok1'])
  await canceled
  await stage.fake.waitFor('client_gone')
})

test('the target’s refusal arrives with its text and status', async t => {
  const { client } = await setUp(t)
  await assert.rejects(client.chat({ model: 'nobody', messages: say }), {
    message: "model 'nobody' not found",
    status_code: 404
  })
  await assert.rejects(client.chat({ model: 'llama3.2', messages: say, think: true }), {
    message: '"llama3.2" does not support thinking',
    status_code: 400
  })
})

test('foreman’s own refusals arrive with their text and status', async t => {
  const { client } = await setUp(t)
  await assert.rejects(client.chat({ model: 'kimi:cloud', messages: say }), {
    message: /leaves this machine/,
    status_code: 403
  })
})

test('an empty error of the target arrives as an error with a text', async t => {
  const { client } = await setUp(t, fault('empty'))
  const message = 'service unavailable'
  await assert.rejects(client.chat({ model: 'llama3.2', messages: say }), { message, status_code: 503 })
  const streamed = client.chat({ model: 'llama3.2', messages: say, stream: true })
  await assert.rejects(streamed, { message, status_code: 503 })
})

test('an error in the stream, and a stream without its end, are thrown', async t => {
  const stage = await start(t)
  for (const [kind, message] of [
    ['error_line', /^boom$/],
    ['clean_end', /Did not receive done/]
  ] as const) {
    const headers = Object.fromEntries([fault(kind, { after: 2, message: 'boom' })])
    const client = new Ollama({ host: stage.url, headers })
    const stream = await client.chat({ model: 'llama3.2', messages: say, stream: true })
    await assert.rejects(gather(stream), { message })
  }
  assert.deepEqual(states(stage), ['failed', 'failed'])
})
