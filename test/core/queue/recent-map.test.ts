import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentMap } from '../../../core/queue/recent-map.ts'

test('what was set longest ago is forgotten first, and setting again counts', () => {
  const map = new RecentMap<string, number>(3)
  map.set('a', 1).set('b', 1).set('c', 1).set('a', 2).set('d', 1)
  assert.deepEqual(
    [...map],
    [
      ['c', 1],
      ['a', 2],
      ['d', 1]
    ]
  )
})

test('it holds a thousand unless told otherwise', () => {
  const map = new RecentMap<number, number>()
  for (let n = 0; n < 1500; n += 1) map.set(n, n)
  assert.deepEqual([map.size, map.has(499), map.has(500)], [1000, false, true])
})
