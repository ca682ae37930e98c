import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StartEstimates } from '../../../core/jobs/start-estimates.ts'
import { type Bench, newJob, openBench, rowsOf } from './fixtures.ts'

const hourMs = 3_600_000

/** A job that came in at `fromAt` and should start within `p90Ms`. */
function foretold({ store }: Bench, fromAt: number, p90Ms: number, attached = false) {
  const estimate = { basis: 'normal free', fromAt, expectedMs: 5, p90Ms }
  return store.accept([{ dueAt: 0, estimate, job: newJob({ attached }) }])[0]!
}

test('a job that starts within its p90 counts as such, one that is later does not', t => {
  let clock = 100
  const bench = openBench(t, () => clock)
  const jobs = [foretold(bench, 100, 50), foretold(bench, 100, 49.5), foretold(bench, 100, 49)]
  clock = 150
  for (const job of jobs) bench.store.move(job, 'working')
  assert.deepEqual(bench.store.estimates.score(), { jobs: 3, withinP90: 2 })
  const met = { basis: 'normal free', fromAt: 100, expectedMs: 5, p90Ms: 49, waitedMs: 50 }
  assert.deepEqual(bench.store.estimates.met(jobs[2]!.seq), met)
})

test('only the first start counts, also after a load and a retry', t => {
  let clock = 100
  const bench = openBench(t, () => clock)
  const { store } = bench
  const loading = store.move(foretold(bench, 100, 50), 'loading')
  assert.equal(store.estimates.score().jobs, 0)
  clock = 140
  const working = store.move(loading, 'working')
  clock = 9000
  store.move(store.move(working, 'queued'), 'working')
  assert.deepEqual(store.estimates.score(), { jobs: 1, withinP90: 1 })
})

test('a job that never starts counts for nothing, and neither does one without an estimate', t => {
  const bench = openBench(t)
  bench.store.move(foretold(bench, 100, 50), 'canceled')
  bench.store.move(bench.accept(), 'working')
  assert.deepEqual(bench.store.estimates.score(), { jobs: 0, withinP90: 0 })
})

test('the score of the last day is that of its hours, and all of it outlives the jobs and the process', t => {
  const now = 1000 * hourMs
  let clock = now
  const bench = openBench(t, () => clock)
  for (const hoursAgo of [30, 24, 23, 0]) {
    clock = now - hoursAgo * hourMs
    bench.store.move(foretold(bench, clock, 0), 'working')
  }
  bench.db.exec('DELETE FROM job')
  assert.deepEqual(rowsOf(bench.db, 'start_estimate'), [])
  const estimates = new StartEstimates(bench.db)
  assert.deepEqual(estimates.score(now), { jobs: 2, withinP90: 2 })
  assert.deepEqual(estimates.score(), { jobs: 4, withinP90: 4 })
})

test('a start before its time has waited for nothing', t => {
  let clock = 100
  const bench = openBench(t, () => clock)
  const job = foretold(bench, 500, 10)
  clock = 400
  bench.store.move(job, 'working')
  assert.equal(bench.store.estimates.met(job.seq)?.waitedMs, 0)
})
