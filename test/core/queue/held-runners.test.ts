import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeldRunners } from '../../../core/queue/held-runners.ts'

const held = () => new HeldRunners({ backoffMs: 100, factor: 2, jitter: 0, capMs: 350 })

test('a runner whose load failed is held for its back-off, others are not', () => {
  const runners = held()
  assert.deepEqual([runners.holds('a', 0), runners.nextEnd(0)], [false, undefined])
  runners.failed('a', 1000)
  assert.deepEqual(
    [1000, 1099, 1100].map(now => runners.holds('a', now)),
    [true, true, false]
  )
  assert.equal(runners.holds('b', 1000), false)
})

test('each further failure holds longer, up to the cap', () => {
  const runners = held()
  const lengths = [0, 1000, 2000, 3000].map(now => {
    runners.failed('a', now)
    return runners.nextEnd(now)! - now
  })
  assert.deepEqual(lengths, [100, 200, 350, 350])
})

test('a load that succeeds ends the hold, and the next failure counts from one', () => {
  const runners = held()
  runners.failed('a', 0)
  runners.failed('a', 0)
  runners.loaded('a')
  assert.equal(runners.holds('a', 0), false)
  runners.failed('a', 0)
  assert.equal(runners.nextEnd(0), 100)
})

test('the next end is the earliest that is still to come', () => {
  const runners = held()
  runners.failed('a', 0)
  runners.failed('b', 50)
  runners.failed('b', 50)
  assert.deepEqual(
    [0, 99, 100, 249, 250].map(now => runners.nextEnd(now)),
    [100, 100, 250, 250, undefined]
  )
})
