import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import fc from '../../helpers/fast-check.ts'
import { assertProblem, chatBody, startStage } from './stage.ts'

const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const chat = JSON.stringify(chatBody)
const megabytes = (count: number) => 'x'.repeat(count * 1024 * 1024)

test('bodies made to break foreman are refused, each with its code', async t => {
  const stage = await startStage(t)
  const bodies: [body: string, status: number, code: string][] = [
    ['', 400, 'malformed_json'],
    ['{"request":', 400, 'malformed_json'],
    [`${chat}{}`, 400, 'malformed_json'],
    ['\ufeff{}', 400, 'malformed_json'],
    [deep(100_000), 400, 'malformed_json'],
    [deep(9000), 422, 'validation_failed'],
    [`{"request":${chat},"metadata":${deep(9000)}}`, 422, 'validation_failed'],
    [`{"request":${chat},"metadata":${deep(64)}}`, 422, 'validation_failed'],
    [`{"request":${chat},"junk":[${'0,'.repeat(1e7)}0]}`, 422, 'validation_failed'],
    [`{"request":{${'"a":0,'.repeat(1e6)}"b":0}}`, 400, 'bad_request'],
    [`{${'"a":0,'.repeat(1e6)}"b":0}`, 400, 'bad_request'],
    [`{"request":${deep(9000)}}`, 422, 'validation_failed'],
    [`{"request":${chat},"metadata":{"a":"${megabytes(10)}"}}`, 422, 'validation_failed'],
    [`{"request":${chat},"metadata":{"${megabytes(10)}":"a"}}`, 422, 'validation_failed'],
    [`{"request":${chat},"${megabytes(10)}":1}`, 422, 'validation_failed'],
    [
      `{"request":${chat},"metadata":{${Array.from({ length: 1e5 }, (_, n) => `"${n}":""`)}}}`,
      422,
      'validation_failed'
    ],
    [`{"request":${chat},"metadata":{"\\ud800":"a"}}`, 422, 'validation_failed'],
    [`{"request":${chat},"metadata":{"a":"\\udfff"}}`, 422, 'validation_failed'],
    [`{"request":${chat},"metadata":{"a":"1","a":2}}`, 422, 'validation_failed'],
    [`{"request":${chat},"__proto__":{"priority":"batch"}}`, 422, 'validation_failed'],
    [`{"request":${chat},"constructor":{"prototype":{}}}`, 422, 'validation_failed'],
    [`{"request":{"__proto__":${chat}}}`, 422, 'validation_failed'],
    [`{"kind":"constructor","request":${chat}}`, 422, 'validation_failed'],
    [`{"request":${chat},"request":${chat}}`, 422, 'validation_failed'],
    [`{"request":${chat},"not_before":"${'9'.repeat(1e6)}"}`, 422, 'validation_failed'],
    [`{"request":${chat},"retention_s":1e999}`, 422, 'validation_failed'],
    [`{"model":"${megabytes(1)}","prompt":"x"}`, 422, 'validation_failed'],
    ['null', 422, 'validation_failed']
  ]
  for (const [body, status, code] of bodies) {
    const answer = await stage.ask('POST', '/jobs', { body })
    assertProblem(answer, status, code)
    assert.ok(answer.text.length < 10_000, 'the answer does not give the body back')
  }
  assert.equal(stage.app.queueDepth.total, 0)
})

test('names that mean something to JavaScript are names like others', async t => {
  const stage = await startStage(t)
  const metadata = '{"__proto__":"a","constructor":"b","toString":"c","\\u0000":"d"}'
  const body = `{"request":${chat},"metadata":${metadata}}`
  const { status, body: job } = await stage.ask('POST', '/jobs', { body })
  assert.equal(status, 202)
  const shown = await stage.ask('GET', `/jobs/${job.id}`)
  assert.deepEqual(shown.body.metadata, JSON.parse(metadata))
})

test('a body of another type, or one that is too large, is refused', async t => {
  const stage = await startStage(t, {}, { limits: { body_bytes: 1000 } })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense', 'a/b/c']) {
    const answer = await stage.ask('POST', '/jobs', { body: chat, headers: { 'content-type': type } })
    assertProblem(answer, 415, 'unsupported_media_type')
  }
  assertProblem(await stage.ask('POST', '/jobs', { body: ' '.repeat(1001) }), 413, 'body_too_large')
  const none = await stage.ask('POST', '/jobs')
  assert.ok([400, 422].includes(none.status), none.text)
})

test('a body that is cut off makes no job', async t => {
  const stage = await startStage(t)
  const { port } = new URL(stage.url)
  const socket = connect(Number(port), '127.0.0.1')
  const seen = new Promise<void>(resolve =>
    stage.app.server.once('request', raw => raw.once('close', () => resolve()))
  )
  socket.write(
    `POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n${chat}`
  )
  await new Promise<void>(resolve => stage.app.server.once('request', () => resolve()))
  socket.destroy()
  await seen
  assert.equal(stage.app.db.prepare('SELECT count(*) FROM job').pluck().get(), 0)
})

test('whatever JSON comes, POST /jobs never answers 5xx', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const names = [
    'request',
    'kind',
    'model',
    'messages',
    'prompt',
    'input',
    'priority',
    'metadata',
    'max_attempts',
    'not_before',
    'retention_s',
    'start_timeout_s',
    'run_timeout_s',
    'keep_alive',
    'options',
    'stream',
    'webhook'
  ]
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom('alpha', 'chat', 'batch', 5, 1e308, { model: 'alpha' }, [chatBody])
  )
  const anyBody = fc.oneof(
    fc.dictionary(fc.constantFrom(...names), value),
    fc.dictionary(fc.constantFrom(...names), value).map(rest => ({ ...chatBody, ...rest })),
    fc.dictionary(fc.constantFrom(...names), value).map(rest => ({ ...rest, request: chatBody })),
    fc.jsonValue()
  )
  const anyHeaders = fc.record(
    {
      prefer: fc.constantFrom('wait=0', 'respond-async', ',,;', 'wait'),
      'idempotency-key': fc.constantFrom('a', 'b', '"')
    },
    { requiredKeys: [], noNullPrototype: true }
  )
  const statuses = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(anyBody, anyHeaders, async (body, headers) => {
      const { status, text } = await stage.ask('POST', '/jobs', { body: JSON.stringify(body), headers })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      assert.ok(status < 500, text)
    }),
    { numRuns: 300 }
  )
  assert.ok(statuses.has(202) && statuses.has(422), [...statuses].join(' '))
})

test('own fields are bounded in depth, the native request is as deep as the target takes it', async t => {
  const stage = await startStage(t, {}, { limits: { json_depth: 8 } })
  const post = (body: string) => stage.ask('POST', '/jobs', { body })
  const refused = await post(`{"request":${chat},"metadata":${deep(8)}}`)
  assert.deepEqual(assertProblem(refused, 422, 'validation_failed').errors, [
    { pointer: '/metadata', detail: 'is nested deeper than 8 (limits.json_depth)' }
  ])
  const fits = await post(`{"request":${chat},"metadata":${deep(7)}}`)
  assert.doesNotMatch(fits.text, /json_depth/)
  for (const body of [
    `{"request":{"format":${deep(9000)},${chat.slice(1)}}`,
    `{"format":${deep(9000)},${chat.slice(1)}`
  ]) {
    assert.equal((await post(body)).status, 202)
  }
})
