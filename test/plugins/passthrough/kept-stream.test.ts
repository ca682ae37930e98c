/** Answers that are kept byte for byte: whoever left comes back for the rest. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { HeaderField } from '../../../core/target/headers.ts'
import { bodyOf, fieldValue, statusOf } from '../../differential/message-reader.ts'
import { begin, type RawRequest } from '../../differential/raw-client.ts'
import { startForeman } from '../../helpers/foreman.ts'
import { call, codeOf, goOn, problem, read, streamOf } from './kept-calls.ts'
import { ask, chat, fault, jobOf, nextIn, type Stage, start } from './stage.ts'

const openai = (fields: readonly HeaderField[], more: object = {}): RawRequest => ({
  ...chat(fields, more),
  path: '/v1/chat/completions'
})

const answers: readonly (readonly [name: string, make: (fields: HeaderField[]) => RawRequest])[] = [
  ['a stream', fields => chat(fields)],
  ['an answer in one piece', fields => chat(fields, { stream: false })],
  ['a stream of /api/generate', fields => ({ ...chat(fields, { prompt: 'go' }), path: '/api/generate' })],
  ['a stream of /v1', fields => openai(fields, { stream: true })],
  ['an answer of /v1 in one piece', fields => openai(fields)],
  [
    'an embedding',
    fields => ({ ...chat(fields, { model: 'nomic-embed-text', input: 'a' }), path: '/api/embed' })
  ],
  ['an error', fields => chat([...fields, fault('status', { status: 418, message: 'teapot' })])],
  ['an error of a proxy', fields => chat([...fields, fault('html')])],
  ['an error line', fields => chat([...fields, fault('error_line', { after: 2, message: 'lost' })])],
  ['a stream without its last record', fields => chat([...fields, fault('clean_end', { after: 2 })])],
  ['a stream that is cut', fields => chat([...fields, fault('reset', { after: 2 })])],
  ['lines in two writes', fields => chat([...fields, fault('split')])],
  ['a long line', fields => chat([...fields, fault('big_line', { size_bytes: 3 * 1024 * 1024 })])]
]

for (const [name, make] of answers) {
  test(`${name} is given again as the first caller got it: status, type, bytes and end`, async t => {
    const stage = await start(t)
    const { answer, id } = await call(stage, make([goOn]))
    const again = await ask(stage, streamOf(id)).catch(() => read(stage, streamOf(id)))
    assert.equal(statusOf(again), statusOf(answer))
    for (const field of ['content-type', 'foreman-job-id'])
      assert.equal(fieldValue(again.fields, field), fieldValue(answer.fields, field))
    assert.ok(bodyOf(again).equals(bodyOf(answer)), `${bodyOf(answer)}\n${bodyOf(again)}`)
    assert.equal(again.complete, answer.complete)
    const length = fieldValue(again.fields, 'content-length')
    assert.equal(length, answer.complete ? String(bodyOf(answer).length) : undefined)
  })
}

test('a caller that leaves behind any byte gets the rest, and both are the answer', async t => {
  const stage = await start(t, { fake: { token_count: 1 } })
  const { answer } = await call(stage, chat([goOn]))
  const size = bodyOf(answer).length
  for (let offset = 0; offset <= size - 16; offset += 1) {
    const first = begin(stage.url, chat([goOn]))
    const got = bodyOf(await first.until(so => bodyOf(so).length >= offset)).subarray(0, offset)
    first.leave()
    const id = fieldValue(first.answer()!.fields, 'foreman-job-id')!
    const rest = await ask(stage, streamOf(id, offset))
    const whole = await ask(stage, streamOf(id))
    assert.equal(`${got}${bodyOf(rest)}`, String(bodyOf(whole)), `behind ${offset}`)
    assert.match(String(bodyOf(whole)), /"done":true[^\n]*\n$/)
  }
})

test('who comes while the target computes gets what is there, then what comes', async t => {
  const stage = await start(t)
  const first = begin(stage.url, chat([goOn, fault('stall', { after: 2, for_ms: 300 })]))
  const id = fieldValue((await first.until(so => so.chunks.length === 2)).fields, 'foreman-job-id')!
  const follower = begin(stage.url, streamOf(id))
  await follower.until(so => String(bodyOf(so)).split('\n').length === 3)
  assert.equal(stage.app.jobs.get(id)!.state, 'working')
  const [whole, again] = [await first.until(so => so.complete), await follower.until(so => so.complete)]
  assert.deepEqual(bodyOf(again), bodyOf(whole))
  assert.equal(fieldValue(again.fields, 'x-accel-buffering'), 'no')
})

test('who comes before the target answers waits for its head, and an offset for its byte', async t => {
  const stage = await start(t)
  const running = begin(stage.url, chat([fault('stall', { after: 1 })]))
  await running.until(so => so.chunks.length === 1)
  const queued = nextIn(stage, 'queued')
  const waiting = begin(stage.url, chat([goOn, fault('stall', { after: 2, for_ms: 50 })]))
  const { id } = await queued
  const readers = [0, 200].map(offset => begin(stage.url, streamOf(id, offset)))
  running.leave()
  const whole = bodyOf(await waiting.until(so => so.complete))
  const [all, rest] = await Promise.all(readers.map(reader => reader.until(so => so.complete)))
  assert.deepEqual(bodyOf(all!), whole)
  assert.deepEqual(bodyOf(rest!), whole.subarray(200))
})

test('leaving cancels nothing, and neither does asking again', async t => {
  const stage = await start(t)
  const first = begin(stage.url, chat([goOn, fault('stall', { after: 2, for_ms: 200 })]))
  const id = fieldValue((await first.until(so => so.chunks.length === 2)).fields, 'foreman-job-id')!
  const done = nextIn(stage, 'done')
  first.leave()
  const follower = begin(stage.url, streamOf(id))
  await follower.until(so => so.chunks.length > 0)
  follower.leave()
  assert.equal((await done).id, id)
})

test('a canceled call is cut for who follows it, and for who comes later behind the same byte', async t => {
  const stage = await start(t)
  const first = begin(stage.url, chat([goOn, fault('stall', { after: 2 })]))
  const id = fieldValue((await first.until(so => so.chunks.length === 2)).fields, 'foreman-job-id')!
  const follower = begin(stage.url, streamOf(id))
  await follower.until(so => String(bodyOf(so)).split('\n').length === 3)
  const canceled = nextIn(stage, 'canceled')
  stage.app.queue.cancel(id)
  await assert.rejects(
    follower.until(so => so.complete),
    /connection closed/
  )
  await canceled
  const later = await read(stage, streamOf(id))
  assert.equal(later.complete, false)
  assert.deepEqual(bodyOf(later), bodyOf(follower.answer()!))
  const behind = await read(stage, streamOf(id, bodyOf(later).length))
  assert.deepEqual([statusOf(behind), behind.complete, bodyOf(behind).length], [200, false, 0])
})

test('an offset behind the last byte is refused once the job has ended, and the last one has no bytes', async t => {
  const stage = await start(t)
  const { answer, id } = await call(stage, chat([goOn]))
  const size = bodyOf(answer).length
  const refused = await ask(stage, streamOf(id, size + 1))
  assert.deepEqual([statusOf(refused), codeOf(refused)], [416, 'range_not_satisfiable'])
  assert.equal(fieldValue(refused.fields, 'content-range'), `bytes */${size}`)
  const last = await ask(stage, streamOf(id, size))
  assert.deepEqual([statusOf(last), fieldValue(last.fields, 'content-length')], [200, '0'])
  for (const wrong of ['-1', 'x']) {
    const answer = await ask(stage, streamOf(id, wrong))
    assert.deepEqual([statusOf(answer), codeOf(answer)], [422, 'validation_failed'], wrong)
  }
})

test('who waits behind the last byte of a running job is refused at its end', async t => {
  const stage = await start(t)
  const first = begin(stage.url, chat([goOn, fault('stall', { after: 2, for_ms: 100 })]))
  const id = fieldValue((await first.until(so => so.chunks.length === 2)).fields, 'foreman-job-id')!
  assert.equal(codeOf(await ask(stage, streamOf(id, 1_000_000))), 'range_not_satisfiable')
})

test('what is not kept byte for byte is told with what there is instead', async t => {
  const stage = await start(t)
  const made = await ask(stage, { ...chat([['Prefer', 'respond-async, wait=10']]) })
  const durable = await ask(stage, streamOf(problem(made).id))
  assert.deepEqual([statusOf(durable), codeOf(durable)], [404, 'stream_not_kept'])
  assert.match(problem(durable).detail, /\/jobs\/\{id\}\/events.*artifacts\/completion/)
  const plain = await ask(stage, chat())
  const attached = await ask(stage, streamOf(jobOf(stage, plain)!.id))
  assert.match(problem(attached).detail, /Foreman-On-Disconnect: continue/)
  const unknown = await ask(stage, streamOf('job_01jzzzzzzzzzzzzzzzzzzzzzzz'))
  assert.equal(codeOf(unknown), 'not_found')
})

test('who waits for a call that ends before the target answers is told so', async t => {
  const stage = await start(t)
  const running = begin(stage.url, chat([fault('stall', { after: 1 })]))
  await running.until(so => so.chunks.length === 1)
  const queued = nextIn(stage, 'queued')
  begin(stage.url, chat([goOn])).until(so => so.complete)
  const { id } = await queued
  const follower = begin(stage.url, streamOf(id))
  const left = begin(stage.url, streamOf(id))
  await twoReaders(stage)
  left.leave()
  stage.app.queue.cancel(id)
  const told = await follower.until(so => so.complete)
  assert.deepEqual([statusOf(told), codeOf(told)], [404, 'stream_not_kept'])
  assert.deepEqual(problem(await ask(stage, streamOf(id))).detail, problem(told).detail)
  running.leave()
})

async function twoReaders({ app }: Stage): Promise<void> {
  while (app.streamSlots.open < 2) await new Promise(resolve => app.telemetry.once('streams', resolve))
}

test('its head can be asked for alone', async t => {
  const stage = await start(t)
  const { answer, id } = await call(stage, chat([goOn]))
  const head = await ask(stage, { ...streamOf(id), method: 'HEAD' })
  assert.equal(fieldValue(head.fields, 'content-length'), String(bodyOf(answer).length))
})

test('a job that is removed takes the bytes with it, and cuts who reads them', async t => {
  const stage = await start(t)
  const { id } = await call(stage, chat([goOn]))
  assert.equal(statusOf(await ask(stage, { method: 'DELETE', path: `/jobs/${id}` })), 204)
  assert.equal(codeOf(await ask(stage, streamOf(id))), 'job_data_removed')
  for (const table of ['kept_answer', 'kept_bytes', 'output', 'output_unfolded'])
    assert.equal(stage.app.db.prepare(`SELECT count(*) FROM ${table}`).pluck().get(), 0, table)
})

test('a restart cuts the answer behind what is kept, and says so by the connection', async t => {
  const stage = await start(t, { settings: { limits: { shutdown_s: 0.1 } } })
  const first = begin(stage.url, chat([goOn, fault('stall', { after: 3 })]))
  const id = fieldValue((await first.until(so => so.chunks.length === 3)).fields, 'foreman-job-id')!
  const follower = begin(stage.url, streamOf(id))
  const got = bodyOf(await follower.until(so => String(bodyOf(so)).split('\n').length === 4))
  await stage.app.close()
  await assert.rejects(
    follower.until(so => so.complete),
    /connection closed/
  )
  const again = await startAgain(t, stage)
  const rest = await read(again, streamOf(id, 10))
  assert.deepEqual([rest.complete, String(bodyOf(rest))], [false, String(got.subarray(10))])
})

async function startAgain(t: TestContext, { fake, app }: Stage): Promise<Stage> {
  const { url, app: next } = await startForeman(t, { target: fake.url, dataDir: app.settings.data_dir })
  return { fake, url, app: next }
}
