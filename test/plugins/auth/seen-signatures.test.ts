import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSignature } from '../../../plugins/auth/cli-signature.ts'
import { SeenSignatures } from '../../../plugins/auth/seen-signatures.ts'
import fc from '../../helpers/fast-check.ts'
import vectors from './cli-signatures.json' with { type: 'json' }

const windowMs = 60_000
const start = 1_790_000_000_000
const laptop = '192.168.1.20'
const elsewhere = '203.0.113.9'
const one = { blob: 'A', signature: '1' }

const newMemory = (perKey = 1000) => new SeenSignatures({ windowMs, perKey })

test('the ollama command shows one signature twice, and both times it may be used', () => {
  const seen = newMemory()
  const shown = vectors.calls.map(({ authorization }) => authorization)
  assert.ok(new Set(shown).size < shown.length, 'the vectors have one signature twice')
  for (const authorization of shown) assert.ok(seen.admit(readSignature(authorization)!, laptop, start))
  assert.equal(seen.size, new Set(shown).size)
})

test('a signature may come again for two seconds from its first use, not from its last', () => {
  const seen = newMemory()
  assert.ok(seen.admit(one, laptop, start))
  assert.ok(seen.admit(one, laptop, start + 1500))
  assert.ok(seen.admit(one, laptop, start + 2000))
  assert.equal(seen.admit(one, laptop, start + 2001), false)
  assert.equal(seen.admit(one, laptop, start + windowMs), false)
})

test('a signature from another address is a replay at once, and harms the one who was first in nothing', () => {
  const seen = newMemory()
  assert.ok(seen.admit(one, laptop, start))
  assert.equal(seen.admit(one, elsewhere, start), false)
  assert.equal(seen.admit(one, elsewhere, start + 1), false)
  assert.ok(seen.admit(one, laptop, start + 2))
})

test('another signature, and the same bytes by another key, are uses of their own', () => {
  const seen = newMemory()
  assert.ok(seen.admit(one, laptop, start))
  assert.ok(seen.admit({ blob: 'A', signature: '2' }, elsewhere, start))
  assert.ok(seen.admit({ blob: 'B', signature: '1' }, elsewhere, start))
})

test('a signature is remembered as long as it can hold: twice the window, whenever it was first used', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(3 * windowMs), { maxLength: 20 }),
      fc.integer({ min: 2001, max: 2 * windowMs - 1 }),
      fc.array(fc.nat(2 * windowMs), { maxLength: 5 }),
      (pauses, later, between) => {
        const seen = newMemory()
        let now = start
        for (const [n, pause] of pauses.entries()) {
          now += pause
          seen.admit({ blob: 'B', signature: `${n}` }, laptop, now)
        }
        assert.ok(seen.admit(one, laptop, now))
        for (const [n, at] of between.sort((a, b) => a - b).entries())
          if (at < later) seen.admit({ blob: 'C', signature: `${n}` }, laptop, now + at)
        assert.equal(seen.admit(one, laptop, now + later), false)
      }
    )
  )
})

test('signatures leave when they cannot hold any more, those of keys that come no more too', () => {
  const seen = newMemory()
  for (let n = 0; n < 100; n += 1) seen.admit({ blob: `${n}`, signature: '1' }, laptop, start)
  assert.equal(seen.size, 100)
  seen.admit(one, laptop, start + 2 * windowMs)
  assert.equal(seen.size, 101)
  seen.admit({ ...one, signature: '2' }, laptop, start + 4 * windowMs)
  assert.equal(seen.size, 2)
  seen.admit({ ...one, signature: '3' }, laptop, start + 100 * windowMs)
  assert.equal(seen.size, 1)
})

test('a key that signs without end refuses itself nothing, takes a bounded place and harms no other key', () => {
  const seen = newMemory(10)
  assert.ok(seen.admit(one, laptop, start))
  for (let n = 0; n < 10_000; n += 1)
    assert.ok(seen.admit({ blob: 'B', signature: `${n}` }, laptop, start + n * 20))
  assert.ok(seen.size <= 1 + 2 * 10)
  assert.equal(seen.admit({ blob: 'B', signature: '9999' }, elsewhere, start + 200_000), false)
  const full = newMemory(10)
  full.admit(one, laptop, start)
  for (let n = 0; n < 1000; n += 1) full.admit({ blob: 'B', signature: `${n}` }, laptop, start)
  assert.equal(full.admit(one, elsewhere, start), false)
})

test('a clock that is set back forgets nothing', () => {
  const seen = newMemory()
  assert.ok(seen.admit(one, laptop, start))
  assert.equal(seen.admit(one, elsewhere, start - 10 * windowMs), false)
  assert.equal(seen.admit(one, elsewhere, start + 1), false)
})
