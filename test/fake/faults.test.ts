/** Every fault that can be asked for, and the ways to ask. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { type FakeOllama, type FaultSpec, startFakeOllama } from '../fake-ollama/start.ts'
import { answer, chatBody, chatText, post, rawChunks, records } from './support.ts'

let fake: FakeOllama
before(async () => {
  fake = await startFakeOllama({ token_count: 4 })
})
beforeEach(() => fake.reset())
after(() => fake.stop())

/** A chat that meets faults. */
function chat(faults: FaultSpec | FaultSpec[], extra: object = {}): Promise<Response> {
  return post(fake, '/api/chat', chatBody(extra), { headers: { 'x-fake-fault': JSON.stringify(faults) } })
}

/** What came through before the answer broke off. */
async function broken(response: Response): Promise<string> {
  const seen: Buffer[] = []
  await assert.rejects(async () => {
    for await (const chunk of response.body ?? []) seen.push(Buffer.from(chunk))
  })
  return Buffer.concat(seen).toString()
}

test('status answers at once with that status and text', async () => {
  const response = await chat({ kind: 'status', status: 418, message: 'short and stout' })
  assert.equal(response.status, 418)
  assert.deepEqual(await response.json(), { error: 'short and stout' })
  assert.equal((await fake.state()).loads, 0)
})

test('html, empty and queue_full answer as something in between or a full server would', async () => {
  const html = await chat({ kind: 'html' })
  assert.equal(html.status, 502)
  assert.match(await html.text(), /^<html>/)
  const empty = await chat({ kind: 'empty' })
  assert.equal(empty.status, 503)
  assert.equal(await empty.text(), '')
  const full = await chat({ kind: 'queue_full' })
  assert.equal(full.status, 503)
  assert.match(((await full.json()) as { error: string }).error, /^server busy, please try again. {2}maximum/)
})

test('nested_error puts JSON into the error string', async () => {
  const { error } = (await (await chat({ kind: 'nested_error' })).json()) as { error: string }
  assert.equal(JSON.parse(error).error.code, 400)
})

test('slow_headers holds the answer back', async () => {
  const startMs = performance.now()
  await (await chat({ kind: 'slow_headers', for_ms: 60 })).text()
  assert.ok(performance.now() - startMs >= 59)
})

test('accept_close reads the request and closes without a byte', async () => {
  const bytes = await new Promise<number>(resolve => {
    let count = 0
    const socket = connect(Number(new URL(fake.url).port), '127.0.0.1')
    socket.on('data', chunk => {
      count += chunk.length
    })
    socket.on('close', () => resolve(count))
    socket.write(
      'GET /api/version HTTP/1.1\r\nHost: localhost\r\nx-fake-fault: {"kind":"accept_close"}\r\n\r\n'
    )
  })
  assert.equal(bytes, 0)
})

test('error_line ends a stream in good order with an error', async () => {
  const response = await chat({ kind: 'error_line', after: 2, message: 'boom' })
  const all = await records(response)
  assert.equal(response.status, 200)
  assert.equal(all.length, 3)
  assert.deepEqual(all.at(-1), { error: 'boom' })
})

test('error_line before the first token, or without a stream, has a real status', async () => {
  const first = await chat({ kind: 'error_line', message: 'boom' })
  assert.equal(first.status, 500)
  assert.equal(first.headers.get('content-type'), 'application/json')
  assert.equal(first.headers.get('transfer-encoding'), 'chunked')
  assert.equal(await first.text(), '{"error":"boom"}')
  const whole = await chat({ kind: 'error_line', after: 2, message: 'boom' }, { stream: false })
  assert.equal(whole.status, 500)
})

test('error_line is lost in an OpenAI stream: an empty chunk, and no [DONE]', async () => {
  const body = chatBody({ model: 'llama3.2--error_line-1', stream: true })
  const text = await (await post(fake, '/v1/chat/completions', body)).text()
  const events = text.split('\n\n').filter(event => event !== '')
  assert.equal(events.length, 2)
  assert.match(events[1] ?? '', /"model":"".*"delta":\{"content":""\}/)
})

test('reset breaks the connection after the chunks', async () => {
  const text = await broken(await chat({ kind: 'reset', after: 2 }))
  assert.equal(text.split('\n').filter(line => line !== '').length, 2)
})

test('clean_end ends the stream without its last record', async () => {
  const all = await records(await chat({ kind: 'clean_end', after: 2 }))
  assert.deepEqual(
    all.map(record => record.done),
    [false, false]
  )
  const whole = (await (await chat({ kind: 'clean_end', after: 2 }, { stream: false })).json()) as {
    done: boolean
  }
  assert.equal(whole.done, false)
})

test('stall pauses in the middle and then goes on', async () => {
  const startMs = performance.now()
  const all = await records(await chat({ kind: 'stall', after: 1, for_ms: 60 }))
  assert.ok(performance.now() - startMs >= 59)
  assert.equal(chatText(all), 'tok0 tok1 tok2 tok3')
})

test('runner_crash fails every request on the runner; the next one loads the model anew', async () => {
  await fake.configure({ token_delay_ms: 20 })
  const running = chat({ kind: 'runner_crash', after: 2 })
  await fake.waitFor('generation_start')
  const waiting = await answer(fake, '/api/generate', { model: 'llama3.2', prompt: 'x', stream: false })
  assert.deepEqual(waiting, {
    status: 500,
    json: { error: 'llama-server process no longer running: unknown ' }
  })
  const error = 'an error was encountered while running the model: unexpected EOF'
  assert.deepEqual((await records(await running)).at(-1), { error })
  assert.equal((await fake.state()).resident.length, 1, 'ps still lists it')
  assert.equal((await answer(fake, '/api/generate', { model: 'llama3.2' })).status, 200)
  assert.equal((await fake.state()).loads, 2)
})

test('oom fails the request and unloads every model', async () => {
  await answer(fake, '/api/generate', { model: 'gemma3:4b' })
  const all = await records(await chat({ kind: 'oom', after: 1 }))
  assert.match(all.at(-1)?.error as string, /out of memory/)
  await fake.waitFor('unload', 2)
  assert.deepEqual((await fake.state()).resident, [])
})

test('load_failure and load_stall strike the load', async () => {
  const failed = await chat({ kind: 'load_failure', message: 'no such luck' })
  assert.equal(failed.status, 500)
  assert.deepEqual(await failed.json(), { error: 'no such luck' })
  await (await chat({ kind: 'load_stall', for_ms: 60 })).text()
  const [start] = await fake.waitFor('load_start', 1, { request: 2 })
  const [load] = await fake.waitFor('load', 1, { request: 2 })
  assert.ok((load?.at_ms ?? 0) - (start?.at_ms ?? 0) >= 59)
})

test('separators come raw or escaped', async () => {
  const raw = await (await chat({ kind: 'separators_raw' })).text()
  assert.ok(raw.includes('tok0\u0085\u2028\u2029'))
  const escaped = await (await chat({ kind: 'separators_escaped' })).text()
  assert.ok(escaped.includes('tok0\\u0085\\u2028\\u2029'))
})

test('big_line sends one record of that size', async () => {
  const lines = (await (await chat({ kind: 'big_line' })).text()).split('\n')
  assert.ok(Math.max(...lines.map(line => line.length)) > 1024 * 1024)
})

test('coalesce puts several lines into one write; split cuts one inside a character', async () => {
  const flushed = async (fault: FaultSpec): Promise<Buffer[]> =>
    (await rawChunks(fake, '/api/chat', chatBody(), [`x-fake-fault: ${JSON.stringify(fault)}`])).chunks
  const together = await flushed({ kind: 'coalesce', after: 2 })
  assert.deepEqual(
    together.map(chunk => chunk.toString().split('\n').length - 1),
    [2, 2, 1]
  )
  const cut = await flushed({ kind: 'split' })
  assert.ok(
    cut.some(chunk => (chunk.at(-1) ?? 0) >= 0xc0),
    'a write ends with the first byte of a character'
  )
  const all = await records(await chat({ kind: 'split' }))
  assert.equal(chatText(all), 'tok0 🦙 tok1 🦙 tok2 🦙 tok3 🦙'.replaceAll('🦙', '\u{1f999}'))
})

test('several faults can be met at once', async () => {
  const all = await records(await chat([{ kind: 'split' }, { kind: 'error_line', after: 1 }]))
  assert.equal(all.length, 2)
})

test('a fault is asked for by a suffix of the name, also of an installed name', async () => {
  const model = 'llama3.2:latest--clean_end-1'
  const all = await records(await post(fake, '/api/chat', chatBody({ model })))
  assert.deepEqual(
    all.map(record => [record.model, record.done]),
    [[model, false]]
  )
  await fake.reset({ models: [{ name: 'odd--clean_end-1' }] })
  const installed = await records(await post(fake, '/api/chat', chatBody({ model: 'odd--clean_end-1' })))
  assert.equal(installed.length, 1)
})

test('a fault of the settings strikes as often as it says, on its model or path only', async () => {
  await fake.configure({
    faults: [
      { kind: 'status', model: 'qwen3:8b', times: 2 },
      { kind: 'status', path: '/api/tags', status: 503, times: 1 }
    ]
  })
  const statuses: number[] = []
  for (const model of ['llama3.2', 'qwen3:8b', 'qwen3:8b', 'qwen3:8b']) {
    statuses.push((await answer(fake, '/api/chat', chatBody({ model, stream: false }))).status)
  }
  assert.deepEqual(statuses, [200, 500, 500, 200])
  assert.equal((await fetch(`${fake.url}/api/tags`)).status, 503)
  assert.equal((await fetch(`${fake.url}/api/tags`)).status, 200)
})

test('a model can have a fault of its own', async () => {
  await fake.reset({ models: [{ name: 'cursed', fault: { kind: 'error_line', after: 1 } }] })
  const all = await records(await post(fake, '/api/chat', chatBody({ model: 'cursed' })))
  assert.ok('error' in (all.at(-1) ?? {}))
})
