import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoadTimes, median } from '../../../core/queue/load-times.ts'
import fc from '../../helpers/fast-check.ts'

test('where nothing is known a swap takes ten seconds', () => {
  const times = new LoadTimes()
  assert.equal(times.of('a'), 10_000)
  times.describe('a', 5_000_000)
  assert.equal(times.of('a'), 10_000, 'a size alone says nothing')
})

test('the estimate is the median of the last five swaps', () => {
  const times = new LoadTimes()
  const estimates = [100, 900, 200, 300, 400, 5000, 6000, 7000].map(ms => {
    times.record('a', ms)
    return times.of('a')
  })
  assert.deepEqual(estimates, [100, 100, 200, 200, 300, 400, 400, 5000])
})

test('before its first swap a runner is as fast for its size as the others', () => {
  const times = new LoadTimes()
  times.describe('new', 500)
  times.record('a', 1000)
  assert.equal(times.of('new'), 10_000, 'nothing of known size was loaded yet')
  times.describe('a', 100)
  assert.equal(times.of('new'), 5000)
  times.describe('slow', 10)
  times.record('slow', 1000)
  times.describe('b', 100)
  times.record('b', 2000)
  assert.equal(times.of('new'), 10_000, 'the middle of 10, 20 and 100 ms a byte')
  times.record('new', 3)
  assert.equal(times.of('new'), 3)
})

test('a runner without a size gives no pace, and one of size zero none either', () => {
  const times = new LoadTimes()
  times.record('a', 1000)
  times.describe('zero', 0)
  times.record('zero', 1000)
  times.describe('new', 500)
  assert.equal(times.of('new'), 10_000)
})

test('a changed size counts', () => {
  const times = new LoadTimes()
  times.describe('a', 100)
  times.record('a', 1000)
  times.describe('new', 100)
  assert.equal(times.of('new'), 1000)
  times.describe('new', 200)
  assert.equal(times.of('new'), 2000)
})

test('the median has as many values below as above, whatever their order', () => {
  assert.throws(() => median([]), RangeError)
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 9 }), values => {
      const before = [...values]
      const middle = median(values)
      assert.ok(values.includes(middle))
      assert.ok(values.filter(value => value < middle).length <= (values.length - 1) / 2)
      assert.ok(values.filter(value => value > middle).length <= values.length / 2)
      assert.deepEqual(values, before, 'the list is left as it was')
    })
  )
})
