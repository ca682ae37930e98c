import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from 'better-sqlite3'
import { Stoppages } from '../../../core/queue/stoppages.ts'
import { openBench, openDatabase } from '../jobs/fixtures.ts'

const ever = [0, Number.MAX_SAFE_INTEGER] as const

/** A record whose first process began at 1000. */
function record(db: Database): Stoppages {
  db.exec('UPDATE chronicle SET since = 1000, alive_at = 1000')
  return new Stoppages(db)
}

test('what keeps the queue from working is recorded from its begin to its end', t => {
  const stoppages = record(openDatabase(t))
  stoppages.begin('paused', 2000)
  stoppages.begin('paused', 2100)
  stoppages.begin('target_down', 2500)
  assert.deepEqual(stoppages.between(...ever), [
    { cause: 'paused', beganAt: 2000, endedAt: null },
    { cause: 'target_down', beganAt: 2500, endedAt: null }
  ])
  stoppages.end('paused', 3000)
  stoppages.end('paused', 4000)
  assert.deepEqual(stoppages.between(...ever)[0], { cause: 'paused', beganAt: 2000, endedAt: 3000 })
})

test('of a time those are told that had a part in it', t => {
  const stoppages = record(openDatabase(t))
  for (const [from, to] of [
    [2000, 3000],
    [4000, 5000],
    [6000, 7000]
  ] as const) {
    stoppages.begin('paused', from)
    stoppages.end('paused', to)
  }
  stoppages.begin('paused', 9000)
  const begins = (from: number, to: number) => stoppages.between(from, to).map(one => one.beganAt)
  assert.deepEqual(begins(3000, 6000), [4000])
  assert.deepEqual(begins(2999, 6001), [2000, 4000, 6000])
  assert.deepEqual(begins(9500, 9600), [9000])
})

test('a clock that is set back gives no stoppage that ends before it began', t => {
  const stoppages = record(openDatabase(t))
  stoppages.begin('target_down', 5000)
  stoppages.end('target_down', 4000)
  assert.deepEqual(stoppages.between(...ever), [{ cause: 'target_down', beganAt: 5000, endedAt: 5000 }])
})

test('the first start of all has nobody before it', t => {
  const stoppages = record(openDatabase(t))
  assert.equal(stoppages.recover(1005), 1000)
  assert.deepEqual(stoppages.between(...ever), [])
})

test('a process that was killed was down from its last sign of life, and what lasted ended with it', t => {
  const db = openDatabase(t)
  const first = record(db)
  first.begin('paused', 1500)
  first.begin('target_down', 1600)
  first.live(2000)
  const second = new Stoppages(db)
  assert.equal(second.recover(9000), 2000)
  assert.deepEqual(second.between(...ever), [
    { cause: 'paused', beganAt: 1500, endedAt: 2000 },
    { cause: 'target_down', beganAt: 1600, endedAt: 2000 },
    { cause: 'foreman_down', beganAt: 2000, endedAt: 9000 }
  ])
})

test('a process that stopped in order was down from then', t => {
  const db = openDatabase(t)
  const first = record(db)
  first.live(2000)
  first.begin('foreman_down', 2000)
  const second = new Stoppages(db)
  assert.equal(second.recover(3000), 2000)
  assert.deepEqual(second.between(...ever), [{ cause: 'foreman_down', beganAt: 2000, endedAt: 3000 }])
})

test('whoever took a job in or began one was alive', t => {
  let clock = 3000
  const { db, store, accept } = openBench(t, () => clock)
  const first = record(db)
  first.live(2000)
  const job = accept()
  assert.equal(first.recover(9000), 3000)
  clock = 9100
  const working = store.move(job, 'working', { startedAt: 9100 })
  assert.equal(new Stoppages(db).recover(9500), 9100)
  clock = 9600
  store.move(working, 'done')
  assert.equal(new Stoppages(db).recover(9900), 9600)
})

test('a clock that was set back over a restart gives no time in the future', t => {
  const stoppages = record(openDatabase(t))
  stoppages.live(8000)
  assert.equal(stoppages.recover(5000), 5000)
  assert.deepEqual(stoppages.between(...ever), [])
})
