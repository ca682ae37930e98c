import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoadTimes } from '../../../core/queue/load-times.ts'
import { SwapLedger } from '../../../core/queue/swap-ledger.ts'
import { openDatabase, rowsOf } from '../jobs/fixtures.ts'

const swap = { runner: 'a', evicted: null, startedAt: 1, durationMs: 100, loaded: true }

test('every swap is written down, failed ones too', t => {
  const db = openDatabase(t)
  const ledger = new SwapLedger(db)
  ledger.record({ ...swap, evicted: 'b' })
  ledger.record({ ...swap, loaded: false })
  assert.deepEqual(rowsOf(db, 'swap'), [
    { seq: 1, runner: 'a', evicted: 'b', started_at: 1, duration_ms: 100, loaded: 1 },
    { seq: 2, runner: 'a', evicted: null, started_at: 1, duration_ms: 100, loaded: 0 }
  ])
})

test('load times are learned again after a restart, from what was loaded', t => {
  const db = openDatabase(t)
  const ledger = new SwapLedger(db)
  for (const durationMs of [9000, 9000, 9000, 100, 200, 300, 400, 500]) ledger.record({ ...swap, durationMs })
  ledger.record({ ...swap, durationMs: 90_000, loaded: false })
  const times = new LoadTimes()
  new SwapLedger(db).teach(times)
  assert.deepEqual([times.of('a'), times.of('b')], [300, 10_000])
})

test('only the newest swaps are remembered', t => {
  const ledger = new SwapLedger(openDatabase(t))
  for (const durationMs of [1, 2, 3]) ledger.record({ ...swap, runner: `r${durationMs}`, durationMs })
  const times = new LoadTimes()
  ledger.teach(times, 2)
  assert.deepEqual(
    ['r1', 'r2', 'r3'].map(runner => times.of(runner)),
    [10_000, 2, 3]
  )
})
