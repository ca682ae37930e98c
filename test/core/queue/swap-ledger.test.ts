import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoadTimes } from '../../../core/queue/load-times.ts'
import { SwapLedger } from '../../../core/queue/swap-ledger.ts'
import fc from '../../helpers/fast-check.ts'
import { benchOn, openBench, openDatabase, rowsOf } from '../jobs/fixtures.ts'

const hourMs = 3_600_000
const swap = { runner: 'a', model: 'm', evicted: null, startedAt: 1, durationMs: 100, loaded: true }

/** Since when it counts, of all that is in the store. */
const sinceOf = (ledger: SwapLedger) => ledger.inAll().since

test('every swap is written down, failed ones too', t => {
  const db = openDatabase(t)
  const ledger = new SwapLedger(db)
  ledger.record({ ...swap, evicted: 'b' })
  ledger.record({ ...swap, loaded: false })
  const row = { runner: 'a', evicted: null, started_at: 1, duration_ms: 100, model: 'm' }
  assert.deepEqual(rowsOf(db, 'swap'), [
    { seq: 1, ...row, evicted: 'b', loaded: 1 },
    { seq: 2, ...row, loaded: 0 }
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

test('arrival order costs a load at each change of runner, at the mean of what its loads took', t => {
  const db = openDatabase(t)
  const meanMs: Record<string, number> = { a: 150, b: 1000, c: 0 }
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 30 }), arrivals => {
      db.exec('DELETE FROM job; DELETE FROM swap; DELETE FROM swap_hour')
      db.exec('UPDATE swap_total SET counted_seq = 0, counted_runner = NULL')
      const bench = benchOn(db)
      const ledger = new SwapLedger(db)
      for (const durationMs of [100, 200]) ledger.record({ ...swap, durationMs })
      for (const loaded of [true, false]) ledger.record({ ...swap, runner: 'b', durationMs: 1000, loaded })
      for (const runner of arrivals) bench.accept({ runner })
      while (ledger.advance());
      const changes = arrivals.filter((runner, at) => runner !== arrivals[at - 1])
      const arrivalLoadMs = changes.reduce((sum, runner) => sum + meanMs[runner]!, 0)
      const { since: _since, ...figures } = ledger.inAll()
      assert.deepEqual(figures, { loads: 3, loadMs: 1300, arrivalLoads: changes.length, arrivalLoadMs })
    }),
    { numRuns: 30 }
  )
})

test('a load that is measured later gives its price to arrivals that were counted before', t => {
  const bench = openBench(t)
  const ledger = new SwapLedger(bench.db)
  bench.accept({ runner: 'new' })
  ledger.advance()
  assert.deepEqual([ledger.inAll().arrivalLoads, ledger.inAll().arrivalLoadMs], [1, 0])
  ledger.record({ ...swap, runner: 'new', durationMs: 7000 })
  assert.equal(ledger.inAll().arrivalLoadMs, 7000)
})

test('the last day is 24 hours of the clock, and what is summed up stays in all of it', t => {
  const now = 1000 * hourMs + 5
  let clock = now
  const bench = openBench(t, () => clock)
  const { db } = bench
  db.exec('UPDATE swap_total SET since = 7')
  const ledger = new SwapLedger(db)
  for (const [hoursAgo, runner] of [
    [30, 'a'],
    [24, 'b'],
    [23, 'a'],
    [0, 'b']
  ] as const) {
    clock = now - hoursAgo * hourMs
    bench.accept({ runner })
    ledger.record({ ...swap, runner, startedAt: clock, durationMs: hoursAgo })
  }
  while (ledger.advance());
  const day = { loads: 2, loadMs: 23, arrivalLoads: 2, arrivalLoadMs: 26.5 + 12, since: 977 * hourMs }
  const all = { loads: 4, loadMs: 77, arrivalLoads: 4, arrivalLoadMs: 2 * 26.5 + 2 * 12, since: 7 }
  for (const step of ['before', 'folded', 'folded again']) {
    assert.deepEqual([ledger.lastDay(now), ledger.inAll()], [day, all], step)
    ledger.fold(now)
    assert.equal(rowsOf(db, 'swap_hour').length, 2)
  }
})

test('the ledger counts on after a restart, and the last day is no longer than all of it', t => {
  const bench = openBench(t)
  const now = Date.now()
  const first = new SwapLedger(bench.db)
  first.record({ ...swap, startedAt: now })
  bench.accept({ runner: 'a' })
  first.advance()
  const second = new SwapLedger(bench.db)
  bench.accept({ runner: 'a' })
  while (second.advance());
  assert.deepEqual([second.inAll().loads, second.inAll().arrivalLoads], [1, 1])
  assert.equal(second.lastDay(now).since, sinceOf(first))
})
