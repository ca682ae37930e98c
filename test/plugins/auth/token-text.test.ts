/** The text of a token: its form, its chance, its checksum. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '../../../core/jobs/ids.ts'
import { makeTokenText, parseTokenText } from '../../../plugins/auth/token-text.ts'
import fc from '../../helpers/fast-check.ts'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** CRC-32 bit by bit (ISO 3309), which is not how foreman makes it. */
function crc32(text: string): number {
  let crc = 0xffffffff
  for (const byte of Buffer.from(text)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}

test('a text is fm_, the id without its prefix, 32 characters of chance and the checksum of all that in base62', () => {
  for (let n = 0; n < 200; n++) {
    const id = newId('tok')
    const { text, secret } = makeTokenText(id)
    assert.match(text, /^fm_[0-9a-z]{26}_[0-9A-Za-z]{38}$/)
    assert.equal(text.slice(0, 30), `fm_${id.slice(4)}_`)
    assert.equal(text.slice(30, 62), secret)
    const sum = [...text.slice(62)].reduce((total, digit) => total * 62 + alphabet.indexOf(digit), 0)
    assert.equal(sum, crc32(text.slice(0, 62)))
  }
})

test('a text that was made is read again', () => {
  const id = newId('tok')
  const { text, secret } = makeTokenText(id)
  assert.deepEqual(parseTokenText(text), { id, secret })
})

test('this text, made by hand, is read', () => {
  const body = `fm_01jd3x5y7z9abcdefghjkmnpqr_${'0'.repeat(32)}`
  let rest = crc32(body)
  let tail = ''
  for (let n = 0; n < 6; n++, rest = Math.floor(rest / 62)) tail = alphabet[rest % 62] + tail
  assert.deepEqual(parseTokenText(body + tail), {
    id: 'tok_01jd3x5y7z9abcdefghjkmnpqr',
    secret: '0'.repeat(32)
  })
})

test('no character can change, go or come unnoticed', () => {
  const { text } = makeTokenText(newId('tok'))
  const place = fc.nat(text.length - 1)
  fc.assert(
    fc.property(place, fc.string({ unit: 'binary-ascii', minLength: 0, maxLength: 2 }), (at, other) => {
      const changed = text.slice(0, at) + other + text.slice(at + 1)
      assert.equal(changed === text || parseTokenText(changed) === undefined, true, changed)
    })
  )
  for (const around of [` ${text}`, `${text} `, `${text}\n`, text.toUpperCase(), '', 'fm_', `fm_${text}`])
    assert.equal(parseTokenText(around), undefined)
})

test('hostile texts are refused and never throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => parseTokenText(text) === undefined)
  )
  assert.equal(parseTokenText(`fm_${'0'.repeat(1_000_000)}`), undefined)
})

test('secrets are spread evenly over all 62 characters, and never come twice', () => {
  const counts = new Map<string, number>()
  const seen = new Set<string>()
  const rounds = 2000
  for (let n = 0; n < rounds; n++) {
    const { secret } = makeTokenText('tok_00000000000000000000000000')
    seen.add(secret)
    for (const character of secret) counts.set(character, (counts.get(character) ?? 0) + 1)
  }
  assert.equal(seen.size, rounds)
  const mean = (rounds * 32) / 62
  const chiSquared = [...alphabet].reduce(
    (sum, digit) => sum + ((counts.get(digit) ?? 0) - mean) ** 2 / mean,
    0
  )
  // 61 degrees of freedom: an even source is above this once in a hundred million runs, one modulo 256 always.
  assert.ok(chiSquared < 140, `chi squared is ${chiSquared}`)
})
