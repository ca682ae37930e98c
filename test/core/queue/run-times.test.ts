import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunRecord } from '../../../core/jobs/runs.ts'
import { RunTimes } from '../../../core/queue/run-times.ts'

test('a run takes five seconds where nothing is known, then what the first took', () => {
  const times = new RunTimes()
  assert.deepEqual(times.of('a'), { meanMs: 5000, deviationMs: 5000 })
  assert.equal(times.measured('a'), undefined)
  times.record('a', 100)
  assert.deepEqual([times.of('a'), times.measured('a')], [{ meanMs: 100, deviationMs: 0 }, 100])
})

test('a runner that has not run yet may take what the others take', () => {
  const times = new RunTimes()
  times.record('a', 100)
  times.record('b', 300)
  assert.deepEqual(times.of('c'), { meanMs: 200, deviationMs: 200 })
})

test('the first runs are averaged, then the newest counts as one of twenty', () => {
  const times = new RunTimes()
  for (const ms of [100, 200, 300]) times.record('a', ms)
  assert.equal(Math.round(times.of('a').meanMs), 200)
  for (let n = 0; n < 200; n++) times.record('a', 1000)
  const { meanMs } = times.of('a')
  assert.ok(Math.abs(meanMs - 1000) < 1)
  times.record('a', 2000)
  assert.equal(Math.round(times.of('a').meanMs - meanMs), 50)
})

test('the deviation is that of the runs', () => {
  const times = new RunTimes()
  for (let n = 0; n < 1000; n++) times.record('a', n % 2 === 0 ? 800 : 1200)
  const { meanMs, deviationMs } = times.of('a')
  assert.ok(Math.abs(meanMs - 1000) < 20, `mean ${meanMs}`)
  assert.ok(Math.abs(deviationMs - 200) < 20, `deviation ${deviationMs}`)
})

test('only runs that were done teach', () => {
  const run = { jobSeq: 1, runner: 'a', model: 'm', attempt: 1, prefillMs: null, generationMs: null }
  const runs: RunRecord[] = [
    { ...run, beganAt: 0, endedAt: 100, outcome: 'done' },
    { ...run, beganAt: 0, endedAt: 9000, outcome: 'failed' }
  ]
  const times = new RunTimes()
  times.teach(runs)
  assert.equal(times.measured('a'), 100)
})
