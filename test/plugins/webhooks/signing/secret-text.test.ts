import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { newSecret, parseSecret, secretText } from '../../../../plugins/webhooks/signing/secret-text.ts'

test('a new secret is 32 bytes, and is read from its text', () => {
  const secret = newSecret()
  assert.equal(secret.length, 32)
  assert.notDeepEqual(newSecret(), secret)
  assert.match(secretText(secret), /^whsec_[A-Za-z0-9+/]{43}=$/)
  assert.deepEqual(parseSecret(secretText(secret)), secret)
})

test('a secret has 24 to 64 bytes', () => {
  for (const length of [24, 25, 63, 64]) {
    const secret = randomBytes(length)
    assert.deepEqual(parseSecret(secretText(secret)), secret, `${length} bytes`)
  }
  for (const length of [0, 23, 65])
    assert.equal(parseSecret(secretText(randomBytes(length))), undefined, `${length} bytes`)
})

test('what is no secret is refused', () => {
  const encoded = Buffer.alloc(32, 0xfb).toString('base64')
  const refused = {
    'no prefix': encoded,
    'another prefix': `whsk_${encoded}`,
    'capitals in the prefix': `WHSEC_${encoded}`,
    'no padding': `whsec_${encoded.replace('=', '')}`,
    base64url: `whsec_${Buffer.alloc(32, 0xfb).toString('base64url')}`,
    'a space behind': `whsec_${encoded} `,
    'a line break inside': `whsec_${encoded.slice(0, 20)}\n${encoded.slice(20)}`,
    'bits that stand for nothing': `whsec_${encoded.slice(0, -2)}/=`,
    'a password': 'correct horse battery staple, correct horse battery staple'
  }
  assert.notEqual(parseSecret(`whsec_${encoded}`), undefined)
  for (const [what, text] of Object.entries(refused)) assert.equal(parseSecret(text), undefined, what)
})
