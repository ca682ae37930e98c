import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReturnGaps } from '../../../core/queue/return-gaps.ts'

/** A caller that comes back after each of these gaps. */
function callersWith(...lengths: number[]): ReturnGaps {
  const gaps = new ReturnGaps()
  let now = 1000
  for (const gap of lengths) {
    gaps.ended('a', now)
    now += gap
    gaps.arrived('a', now)
  }
  return gaps
}

test('where nothing is known it pays to wait as long as allowed', () => {
  const gaps = new ReturnGaps()
  assert.equal(gaps.worthWaiting('a', 500), 500)
  gaps.arrived('a', 1)
  gaps.arrived('a', 2)
  assert.equal(gaps.worthWaiting('a', 500), 500, 'arrivals alone are no gap')
})

test('three usual gaps are waited for, and no longer than allowed', () => {
  const gaps = callersWith(100, 120, 90)
  assert.deepEqual([gaps.worthWaiting('a', 1000), gaps.worthWaiting('a', 250)], [300, 250])
})

test('callers who usually stay away longer than allowed are not waited for', () => {
  const gaps = callersWith(100)
  assert.deepEqual([gaps.worthWaiting('a', 100), gaps.worthWaiting('a', 79)], [100, 0])
})

test('callers who stay away a little longer than allowed, as by a network, are waited for', () => {
  const gaps = callersWith(101)
  assert.equal(gaps.worthWaiting('a', 100), 125)
})

test('only the first arrival after an end makes a gap', () => {
  const gaps = callersWith(10)
  gaps.arrived('a', 900_000)
  assert.equal(gaps.worthWaiting('a', 1000), 30)
})

test('the last eight gaps count, by their median', () => {
  const gaps = callersWith(...Array(20).fill(100_000), 10, 10, 10, 10, 40, 40, 40, 40)
  assert.equal(gaps.worthWaiting('a', 1000), 30)
})

test('each runner has gaps of its own', () => {
  assert.equal(callersWith(10).worthWaiting('b', 1000), 1000)
})
