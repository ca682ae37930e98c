import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { Chronicle } from '../../../core/queue/chronicle.ts'
import { Stoppages } from '../../../core/queue/stoppages.ts'
import { SwapLedger } from '../../../core/queue/swap-ledger.ts'
import { openBench, rowsOf } from '../jobs/fixtures.ts'

const dayMs = 86_400_000

function newChronicle(t: TestContext, hasWork = false) {
  const bench = openBench(t)
  const { db } = bench
  const [ledger, stoppages] = [new SwapLedger(db), new Stoppages(db)]
  const log = pino({ level: 'silent' })
  const parts = { db, ledger, stoppages, log, historyMs: dayMs, hasWork: () => hasWork }
  return { ...bench, ledger, stoppages, chronicle: new Chronicle(parts) }
}

const causes = (stoppages: Stoppages) =>
  stoppages.between(0, Number.MAX_SAFE_INTEGER).map(({ cause, endedAt }) => [cause, endedAt === null])

test('pauses and the absence of the target are recorded while they last', t => {
  const { chronicle, stoppages } = newChronicle(t)
  const reachability = new EventEmitter<{ up: []; down: [error: never] }>()
  chronicle.start(reachability, false)
  t.after(() => chronicle.stop())
  assert.deepEqual(causes(stoppages), [['target_down', true]], 'nothing starts before it has answered')
  reachability.emit('up')
  chronicle.paused()
  assert.deepEqual(causes(stoppages), [
    ['target_down', false],
    ['paused', true]
  ])
  chronicle.resumed()
  reachability.emit('down', undefined as never)
  assert.deepEqual(causes(stoppages), [
    ['target_down', false],
    ['paused', false],
    ['target_down', true]
  ])
})

test('a stop in order is told, and a pause that lasts goes on after it', t => {
  const { db, chronicle, stoppages } = newChronicle(t)
  const reachability = new EventEmitter<{ up: []; down: [error: never] }>()
  chronicle.start(reachability, true)
  chronicle.stop()
  assert.deepEqual(causes(stoppages), [
    ['paused', true],
    ['target_down', true],
    ['foreman_down', true]
  ])
  new Stoppages(db).recover(Date.now() + 1000)
  assert.deepEqual(
    causes(stoppages).map(([, lasts]) => lasts),
    [false, false, false]
  )
})

test('what is older than the history is cleared; swaps that teach and the sums are kept', t => {
  const { db, store, accept, ledger, stoppages, chronicle } = newChronicle(t)
  const now = Date.now()
  db.exec('UPDATE chronicle SET since = 1')
  const old = { startedAt: now - 2 * dayMs, durationMs: 10, evicted: null, loaded: true }
  for (let n = 0; n < 1002; n++) ledger.record({ ...old, runner: 'a', model: `${n}` })
  for (const [beganAt, endedAt] of [
    [now - 2 * dayMs, now - dayMs - 1],
    [now - 2 * dayMs, now - 5]
  ] as const) {
    stoppages.begin('paused', beganAt)
    stoppages.end('paused', endedAt)
  }
  const working = () => store.move(accept(), 'working', { startedAt: now - 2 * dayMs })
  store.move(working(), 'done', { attemptEndedAt: now - dayMs - 1 })
  store.move(working(), 'done')
  chronicle.clear(now)
  assert.deepEqual([rowsOf(db, 'run').length, rowsOf(db, 'stoppage').length], [1, 1])
  const models = db.prepare('SELECT min(CAST(model AS INTEGER)), count(*) FROM swap').raw().get()
  assert.deepEqual(models, [2, 1000])
  assert.equal(ledger.inAll().loads, 1002)
  assert.equal(stoppages.since, now - dayMs)
})

test('very many old runs are removed some at a time', t => {
  const { db, chronicle } = newChronicle(t)
  const insert =
    db.prepare(`INSERT INTO run (job_seq, lane, runner, model, attempt, began_at, ended_at, outcome)
    VALUES (1, 'worker', 'a', 'm', 1, 0, 1, 'done')`)
  for (let n = 0; n < 6000; n++) insert.run()
  const left = () => db.prepare('SELECT count(*) FROM run').pluck().get()
  assert.deepEqual([chronicle.clear(Date.now()), left()], [true, 1000])
  assert.deepEqual([chronicle.clear(Date.now()), left()], [false, 0])
})

test('a disk that takes nothing leaves a gap in the record and keeps nothing from working', t => {
  const { db, chronicle, stoppages } = newChronicle(t)
  db.pragma('query_only = on')
  chronicle.paused()
  chronicle.resumed()
  db.pragma('query_only = off')
  assert.deepEqual(causes(stoppages), [])
})
