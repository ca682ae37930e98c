import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RunTimes } from '../../../core/queue/run-times.ts'

test('a run takes five seconds where nothing is known, then what the first took', () => {
  const times = new RunTimes()
  assert.equal(times.of('a'), 5000)
  times.record('a', 100)
  assert.deepEqual([times.of('a'), times.of('b')], [100, 5000])
})

test('the newest run has a fifth of the weight', () => {
  const times = new RunTimes()
  times.record('a', 100)
  times.record('a', 200)
  assert.equal(times.of('a'), 120)
  for (let n = 0; n < 50; n += 1) times.record('a', 1000)
  assert.ok(Math.abs(times.of('a') - 1000) < 1)
})
