/** The fake as a program, and what it tells of itself. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startFakeOllama } from '../fake-ollama/start.ts'
import { answer, chatBody, post, startFake } from './support.ts'

const MAIN = fileURLToPath(new URL('../fake-ollama/main.ts', import.meta.url))

test('the program prints its URL as one line of JSON and ends on SIGTERM', async t => {
  const config = JSON.stringify({ version: '9.9.9' })
  const child = spawn(process.execPath, [MAIN, '--port', '0', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.after(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line')
  const { url } = JSON.parse(String(line)) as { url: string }
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.deepEqual(await (await fetch(`${url}/api/version`)).json(), { version: '9.9.9' })
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
})

test('an unknown setting stops the program', async () => {
  const odd = { max_loadde: 1 } as object
  const child = spawn(process.execPath, [MAIN, '--config', JSON.stringify(odd)], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  const errors: Buffer[] = []
  child.stderr.on('data', chunk => errors.push(chunk))
  const [code] = await once(child, 'close')
  assert.equal(code, 1)
  assert.match(Buffer.concat(errors).toString(), /no setting max_loadde/)
})

test('a fake can vanish and come back on its port, with everything forgotten', async t => {
  const fake = await startFake(t, { version: '1.2.3' })
  await answer(fake, '/api/generate', { model: 'llama3.2' })
  await fake.kill()
  await assert.rejects(fetch(`${fake.url}/api/version`))
  await fake.restart()
  assert.deepEqual(await (await fetch(`${fake.url}/api/version`)).json(), { version: '1.2.3' })
  const { loads, request_count } = await fake.state()
  assert.deepEqual([loads, request_count], [0, 1])
  await fake.restart()
  assert.equal((await fake.state()).request_count, 0)
})

test('requests are kept as they came, with case and order of their headers', async t => {
  const fake = await startFake(t, { body_log_bytes: 4 })
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  for (const body of ['{}', '{"model":"x"}']) {
    const headers = [
      'X-Odd-CASE',
      'b',
      'Content-Length',
      String(body.length),
      'a-late',
      'c',
      'X-Odd-CASE',
      'd',
      'Host',
      'localhost'
    ]
    const request = httpRequest(`${fake.url}/api/show?x=1`, { method: 'POST', agent, headers })
    request.end(body)
    const [response] = await once(request, 'response')
    response.resume()
    await once(response, 'end')
  }
  const [first, second] = (await fake.state()).requests
  assert.equal(first?.url, '/api/show?x=1')
  assert.deepEqual(first?.headers.slice(0, 8), [
    'X-Odd-CASE',
    'b',
    'Content-Length',
    '2',
    'a-late',
    'c',
    'X-Odd-CASE',
    'd'
  ])
  assert.equal(Buffer.from(first?.body_base64 ?? '', 'base64').toString(), '{}')
  assert.equal(second?.body_size_bytes, 13)
  assert.equal(Buffer.from(second?.body_base64 ?? '', 'base64').toString(), '{"mo')
  assert.equal(second?.body_sha256, createHash('sha256').update('{"model":"x"}').digest('hex'))
  assert.deepEqual([first?.status, second?.status], [400, 404])
  assert.equal(first?.connection, second?.connection)
})

test('waitFor finds what is past, waits for what is not, and gives up in time', async t => {
  const fake = await startFake(t, { load_delay_ms: 50 })
  const coming = fake.waitFor('load', 1, { model: 'llama3.2:latest' })
  await answer(fake, '/api/generate', { model: 'llama3.2' })
  const [load] = await coming
  assert.equal(load?.request, 1)
  assert.deepEqual(await fake.waitFor('load'), [load])
  const rejected = fake.waitFor('load', 1, { since: load?.seq, timeoutMs: 30 })
  await assert.rejects(rejected, /0 of 1 events within 30 ms/)
})

test('the logs are rings, the counters are exact', async t => {
  const fake = await startFake(t, { request_log_limit: 3, event_log_limit: 5 })
  for (let i = 0; i < 20; i++) await fetch(`${fake.url}/api/version`).then(response => response.text())
  await fake.waitFor(event => event.type === 'response_end' && event.request === 20)
  const state = await fake.state()
  assert.deepEqual(
    state.requests.map(request => request.request),
    [18, 19, 20]
  )
  assert.equal(state.events.length, 5)
  assert.equal(state.events.at(-1)?.seq, 40)
  assert.deepEqual([state.request_count, state.counts.response_end], [20, 20])
})

test('the file of events outlives a fake that is killed, and tells of all its lives', async t => {
  const file = join(mkdtempSync(join(tmpdir(), 'fake-events-')), 'events')
  t.after(() => rmSync(dirname(file), { recursive: true }))
  const fake = await startFake(t, { event_file: file, token_delay_ms: 1000 })
  const before = Date.now()
  const cut = assert.rejects(post(fake, '/api/chat', chatBody()).then(response => response.text()))
  await fake.waitFor('generation_start')
  await fake.kill()
  await cut
  await fake.restart()
  await fetch(`${fake.url}/api/version`)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  const told = lines.map(line => JSON.parse(line) as { type: string; request: number; at: number })
  const ofFirst = told.filter(({ request }) => request === 1).map(({ type }) => type)
  assert.deepEqual(ofFirst.slice(0, 2), ['request', 'body'])
  assert.ok(ofFirst.includes('generation_start') && ofFirst.filter(type => type === 'request').length === 2)
  assert.ok(told.every(({ at }) => at >= before && at <= Date.now()))
})

test('max_concurrent_generations counts over all models', async t => {
  const fake = await startFake(t, { prompt_delay_ms: 60 })
  await Promise.all(
    ['llama3.2', 'gemma3:4b', 'gemma3:4b'].map(model =>
      answer(fake, '/api/chat', chatBody({ model, stream: false }))
    )
  )
  const { max_concurrent_generations, concurrent_generations, generations_by_model } = await fake.state()
  assert.deepEqual([max_concurrent_generations, concurrent_generations], [2, 0])
  assert.deepEqual(generations_by_model['gemma3:4b'], { current: 0, max: 1 })
})

test('a reset cuts what is on its way and begins a new count', async t => {
  const fake = await startFake(t)
  const stalled = assert.rejects(post(fake, '/api/chat', chatBody({ model: 'llama3.2--stall' })))
  await fake.waitFor('generation_start')
  await fake.reset({ version: '7.0.0' })
  await stalled
  const { request_count, resident, events } = await fake.state()
  assert.deepEqual([request_count, resident, events], [0, [], []])
  assert.deepEqual(await (await fetch(`${fake.url}/api/version`)).json(), { version: '7.0.0' })
})

test('an unknown setting or control route is told, and changes nothing', async t => {
  const fake = await startFakeOllama()
  t.after(() => fake.stop())
  await assert.rejects(fake.configure({ nonsense: 1 } as object), /no setting nonsense/)
  await assert.rejects(fake.crash('llama3.2'), /not in memory/)
  assert.equal((await fetch(`${fake.url}/__fake/nope`)).status, 400)
})
