import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReached, median, quantile } from './figures.ts'
import { scenarioText } from './report.ts'
import { streamTimes } from './stream-times.ts'

test('a quantile is a value below which the given part lies', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index)
  assert.equal(quantile(values, 0.99), 100)
  assert.equal(quantile(values, 0), 1)
  assert.equal(quantile([7], 1), 7)
  assert.equal(median([3, 1, 2]), 2)
  assert.throws(() => quantile([], 0.5), RangeError)
})

test('a figure is reached on the right side of its limit, and unjudged without one', () => {
  const figure = { what: 'it', value: 2, unit: '×' } as const
  assert.equal(isReached({ ...figure, reach: { atMost: 2 } }), true)
  assert.equal(isReached({ ...figure, reach: { atMost: 1.99 } }), false)
  assert.equal(isReached({ ...figure, reach: { atLeast: 2 } }), true)
  assert.equal(isReached({ ...figure, reach: { atLeast: 2.01 } }), false)
  assert.equal(isReached({ ...figure, value: -1, reach: { atMost: 2 } }), true)
  assert.equal(isReached(figure), undefined)
})

test('the table says what is reached and what is not', () => {
  const scenario = { name: 'x', title: 'y', run: async () => [] }
  const lines = scenarioText(scenario, [
    { what: 'a', value: 0.5, unit: 'ms', reach: { atMost: 1 } },
    { what: 'b', value: 123.45, unit: 's', reach: { atLeast: 200 } },
    { what: 'c', value: 3, unit: '' }
  ]).split('\n')
  assert.deepEqual(lines.slice(4), [
    '| a        | 0.500 ms | ≤ 1   | yes |',
    '| b        | 123.5 s  | ≥ 200 | no  |',
    '| c        | 3        |       |     |'
  ])
})

test('a record is timed from its stamp, and a chunk that is not one record is counted', () => {
  const stampedAt = Date.parse('2026-01-02T03:04:05Z')
  const at = (ms: number) => stampedAt - performance.timeOrigin + ms
  const record = (fraction: string) =>
    Buffer.from(`{"created_at":"2026-01-02T03:04:05${fraction}Z","done":false}\n`)
  const chunks = [
    { at: at(250.75), bytes: record('.25') },
    { at: at(3), bytes: record('') },
    { at: at(260), bytes: Buffer.concat([record('.25'), record('.25')]) },
    { at: at(261), bytes: record('.25').subarray(0, 20) }
  ]
  const times = streamTimes({ status: 200, sentAt: at(240.75), endedAt: at(262), chunks })
  assert.equal(times.otherChunks, 2)
  assert.deepEqual(times.transitMs.map(Math.round), [1, 3])
  assert.deepEqual(times.firstByteMs.map(Math.round), [10])
})
