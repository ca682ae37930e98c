import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGoDuration } from '../../core/target/go-duration.ts'
import fc from '../helpers/fast-check.ts'

const READ: readonly (readonly [string, number])[] = [
  ['0', 0],
  ['-0', 0],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['300s', 300_000],
  ['-1s', -1000],
  ['+.5s', 500],
  ['5.s', 5000],
  ['1.5h', 5_400_000],
  ['1s1s', 2000],
  ['1ms500us', 1.5],
  ['1µs', 0.001],
  ['1μs', 0.001],
  ['2500ns', 0.0025],
  ['2562047h', 2_562_047 * 3_600_000]
]

const REFUSED = [
  '',
  '-1',
  '10',
  '1.0',
  '1d',
  '1S',
  ' 1s',
  '1s ',
  '1h 30m',
  '.s',
  '--1s',
  '1e3s',
  '1_0s',
  '5m\n',
  '2562048h'
]

test('a Go duration is read to milliseconds', () => {
  for (const [text, ms] of READ) assert.equal(parseGoDuration(text), ms, JSON.stringify(text))
})

test('what Go refuses is refused', () => {
  for (const text of REFUSED) assert.equal(parseGoDuration(text), undefined, JSON.stringify(text))
})

test('a sum of parts is the sum of what each part gives', () => {
  const part = fc.tuple(fc.nat(10_000), fc.constantFrom('ns', 'us', 'ms', 's', 'm', 'h'))
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), parts => {
      const texts = parts.map(([amount, unit]) => `${amount}${unit}`)
      const sum = texts.reduce((total, text) => total + parseGoDuration(text)!, 0)
      assert.equal(parseGoDuration(texts.join('')), sum)
      assert.equal(parseGoDuration(`-${texts.join('')}`), -sum)
    })
  )
})
