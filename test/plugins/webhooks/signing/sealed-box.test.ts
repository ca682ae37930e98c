import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { SealedBox } from '../../../../plugins/webhooks/signing/sealed-box.ts'

const owner = 'tok_01m4f1v3m5v8w2kq0d1n7e9xhz'
const overheadBytes = 28

test('a box gives back what was sealed, of any length', () => {
  const box = new SealedBox(randomBytes(32))
  for (const length of [0, 1, 32, 10_000]) {
    const plain = randomBytes(length)
    const sealed = box.seal(owner, plain)
    assert.equal(sealed.length, length + overheadBytes)
    assert.deepEqual(box.open(owner, sealed), plain)
  }
})

test('what is sealed shows nothing, and is never alike twice', () => {
  const box = new SealedBox(randomBytes(32))
  const plain = Buffer.from('a secret that must not be on the disk in clear')
  const [one, other] = [box.seal(owner, plain), box.seal(owner, plain)]
  assert.equal(one.includes(plain.subarray(0, 8)), false)
  assert.notDeepEqual(one.subarray(0, 12), other.subarray(0, 12))
  assert.notDeepEqual(one.subarray(overheadBytes), other.subarray(overheadBytes))
})

test('nothing is opened for another owner, or under another key', () => {
  const key = randomBytes(32)
  const sealed = new SealedBox(key).seal(owner, randomBytes(32))
  assert.notEqual(new SealedBox(key).open(owner, sealed), undefined)
  assert.equal(new SealedBox(key).open('tok_01m4f1v3m5v8w2kq0d1n7e9xh0', sealed), undefined)
  assert.equal(new SealedBox(key).open('', sealed), undefined)
  assert.equal(new SealedBox(randomBytes(32)).open(owner, sealed), undefined)
})

test('no bit of it can be changed, and none can be missing', () => {
  const box = new SealedBox(randomBytes(32))
  const sealed = box.seal(owner, randomBytes(32))
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const flipped = Buffer.from(sealed)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    assert.equal(box.open(owner, flipped), undefined, `bit ${bit}`)
  }
  for (let length = 0; length < sealed.length; length += 1)
    assert.equal(box.open(owner, sealed.subarray(0, length)), undefined, `${length} bytes`)
  assert.equal(box.open(owner, Buffer.concat([sealed, Buffer.alloc(1)])), undefined)
})
