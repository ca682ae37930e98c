/** Many jobs at once by the TypeScript client: no room, and answers that break off. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load } from './built.ts'
import { hangUp, type Say, startSpeaking } from './speaking-server.ts'

const { Foreman } = await load('index')
const hasty = { minDelayS: 0.005, maxDelayS: 0.02 }
const native = { model: 'alpha', prompt: 'Why?' }

test('many: lines without room are sent again until there is some, and those that stay refused are told', async t => {
  const lines = (...answers: object[]): Say => {
    return answer => answer.writeHead(200).end(answers.map(one => `${JSON.stringify(one)}\n`).join(''))
  }
  const full = { error: { code: 'queue_full', detail: 'no room' } }
  const wrong = { error: { code: 'validation_failed', detail: 'wrong', pointer: '/priority' } }
  const server = await startSpeaking(
    t,
    lines({ id: 'a' }, full, wrong),
    hangUp,
    lines({ id: 'b', replayed: true }),
    lines(full)
  )
  // Only pauses count, however slow the machine is.
  let nowMs = 0
  t.mock.method(performance, 'now', () => nowMs)
  const onRetry = ({ delayS }: { delayS: number }) => {
    nowMs += delayS * 1000
  }
  const foreman = new Foreman({ baseUrl: server.url, retry: { ...hasty, limitS: 0.1, onRetry } })
  const told: unknown[] = []
  for await (const one of foreman.submitMany([native, native, native, native], { batch: 3 })) told.push(one)
  assert.deepEqual(told, [
    { index: 0, id: 'a', replayed: false },
    { index: 2, error: wrong.error },
    { index: 1, id: 'b', replayed: true },
    { index: 3, error: full.error }
  ])
  const keys = server.heard.map(({ body }) => body.split('\n').map(line => JSON.parse(line).idempotency_key))
  assert.deepEqual([keys[1], keys[2]], [[keys[0]![1]], [keys[0]![1]]])
})

test('many: where there is no room until the limit, all that is left is refused, with one limit for all batches', async t => {
  const full = { code: 'queue_full', detail: 'no room' }
  const say: Say = (answer, { body }) =>
    answer.end(body.replaceAll(/.+/g, JSON.stringify({ error: full })).concat('\n'))
  const { url: baseUrl, heard } = await startSpeaking(t, say)
  const delays: number[] = []
  const onRetry = ({ delayS }: { delayS: number }) => delays.push(delayS)
  // One pause of a second, and none after it.
  const retry = { minDelayS: 1, maxDelayS: 1, limitS: 1, onRetry }
  const told: unknown[] = []
  const jobs = Array.from({ length: 6 }, () => native)
  for await (const one of new Foreman({ baseUrl, retry }).submitMany(jobs, { batch: 2 })) told.push(one)
  assert.deepEqual(
    told,
    jobs.map((_, index) => ({ index, error: full }))
  )
  assert.ok(delays.length === 1 && heard.length === 4, `${delays} ${heard.length}`)
})

test('many: of an answer that breaks off, what was answered counts, and the rest is sent again', async t => {
  const broken: Say = answer => {
    answer.writeHead(200).write('{"id":"a"}\n{"id":"b"}\n{"id":"c')
    setImmediate(() => answer.destroy())
  }
  const early: Say = answer => answer.writeHead(200).end('{"id":"c"}\n')
  const last: Say = answer => answer.writeHead(200).end('{"id":"d"}\n')
  const { url: baseUrl, heard } = await startSpeaking(t, broken, early, last)
  const ids: (string | undefined)[] = []
  const foreman = new Foreman({ baseUrl, retry: hasty })
  for await (const { id } of foreman.submitMany([native, native, native, native])) ids.push(id)
  assert.deepEqual(ids, ['a', 'b', 'c', 'd'])
  const [first, second, third] = heard.map(({ body }) => body.split('\n'))
  assert.deepEqual([second, third], [first!.slice(2), first!.slice(3)])
})
