import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CliSignature,
  checkSignature,
  readSignature,
  type SignatureVerdict,
  type SignedCall,
  withoutTs
} from '../../../plugins/auth/cli-signature.ts'
import { keyOfBlob, readPublicKey } from '../../../plugins/auth/ssh-key.ts'
import fc from '../../helpers/fast-check.ts'
import vectors from './cli-signatures.json' with { type: 'json' }
import { authorizationOf, blobOf, newKey, type TestKey } from './ssh-keys.ts'

const windowMs = 60_000
const ts = 1_790_000_000
const call: SignedCall = { method: 'POST', path: '/api/chat', query: `ts=${ts}`, now: ts * 1000, windowMs }
const mine = newKey()
const presented = readSignature(authorizationOf(mine, `POST,/api/chat?ts=${ts}`))!

function check(
  changed: Partial<SignedCall>,
  shown: CliSignature = presented,
  key: TestKey = mine
): SignatureVerdict {
  return checkSignature({ ...call, ...changed }, shown, keyOfBlob(key.blob))
}

function whyOf(verdict: SignatureVerdict): string {
  return verdict.ok ? 'ok' : verdict.why
}

test('every call that the ollama command signed holds, under a path prefix too', () => {
  const { key, blob } = readPublicKey(vectors.key)
  for (const { command, method, path, url, ts, authorization } of vectors.calls) {
    const shown = readSignature(authorization)!
    assert.equal(shown.blob, blob)
    const signed = { method, path, query: url.split('?')[1]!, now: ts * 1000 + 700, windowMs }
    assert.deepEqual(checkSignature(signed, shown, key), { ok: true }, `${command}: ${method} ${url}`)
    assert.equal(whyOf(checkSignature({ ...signed, path: `/t/abc${path}` }, shown, key)), 'bad_signature')
  }
})

test('a signature of the ollama command holds for no other call of it', () => {
  const { key } = readPublicKey(vectors.key)
  const textOf = ({ method, path, ts }: (typeof vectors.calls)[number]) => `${method} ${path} ${ts}`
  for (const one of vectors.calls)
    for (const other of vectors.calls) {
      const { method, path, ts } = other
      const signed = { method, path, query: `ts=${ts}`, now: ts * 1000, windowMs }
      const { ok } = checkSignature(signed, readSignature(one.authorization)!, key)
      assert.equal(ok, textOf(one) === textOf(other))
    }
})

test('another method, path, time or key than was signed is a bad signature', () => {
  assert.deepEqual(check({}), { ok: true })
  const changes: Partial<SignedCall>[] = [
    { method: 'GET' },
    { method: 'post' },
    { method: '' },
    { path: '/api/generate' },
    { path: '/api/chat/' },
    { path: '/api/cha%74' },
    { path: '//api/chat' },
    { path: '' },
    { query: `ts=${ts + 1}` },
    { query: `ts=${ts - 1}` }
  ]
  for (const changed of changes) assert.equal(whyOf(check(changed)), 'bad_signature', JSON.stringify(changed))
  assert.equal(whyOf(check({}, presented, newKey())), 'bad_signature')
  const flipped = presented.signature.replace(/^./, first => (first === 'A' ? 'B' : 'A'))
  assert.equal(whyOf(check({}, { ...presented, signature: flipped })), 'bad_signature')
})

test('a signature holds up to the window, before and after, and then tells by how much the clock is off', () => {
  const at = (aheadMs: number) => check({ now: ts * 1000 - aheadMs })
  assert.deepEqual(at(windowMs), { ok: true })
  assert.deepEqual(at(-windowMs), { ok: true })
  assert.deepEqual(at(windowMs + 1), { ok: false, why: 'wrong_time', aheadMs: windowMs + 1 })
  assert.deepEqual(at(-windowMs - 1), { ok: false, why: 'wrong_time', aheadMs: -windowMs - 1 })
})

test('nobody but the owner of a key is told that a time is wrong', () => {
  assert.equal(whyOf(check({ now: 0 })), 'wrong_time')
  assert.equal(whyOf(check({ now: 0, path: '/' })), 'bad_signature')
})

test('there is one ts, as Go writes seconds', () => {
  const queries: [query: string, why: string][] = [
    ['', 'no_ts'],
    ['a=1&TS=1', 'no_ts'],
    [`%74s=${ts}`, 'no_ts'],
    [`ats=${ts}`, 'no_ts'],
    [`ts=${ts}&ts=${ts}`, 'two_ts'],
    [`ts=${ts}&ts`, 'two_ts'],
    ['ts', 'bad_ts'],
    ['ts=', 'bad_ts'],
    [`ts=0${ts}`, 'bad_ts'],
    [`ts=+${ts}`, 'bad_ts'],
    [`ts=-${ts}`, 'bad_ts'],
    [`ts=${ts}.0`, 'bad_ts'],
    [`ts=${ts}%20`, 'bad_ts'],
    [`ts=${ts}#`, 'bad_ts'],
    [`ts=${ts}\n`, 'bad_ts'],
    ['ts=1.79e9', 'bad_ts'],
    ['ts=0', 'bad_ts'],
    [`ts=${'9'.repeat(13)}`, 'bad_ts']
  ]
  for (const [query, why] of queries) {
    const text = `POST,/api/chat?${query}`
    const shown = readSignature(authorizationOf(mine, text))!
    assert.equal(whyOf(check({ query }, shown)), why, query)
  }
})

test('other members of the query are left aside', () => {
  assert.deepEqual(check({ query: `a=%zz&ts=${ts}&&b` }), { ok: true })
})

test('a header of another form shows no signature', () => {
  const { blob, signature } = presented
  const other = newKey()
  const texts = [
    '',
    ':',
    blob,
    `${blob}:`,
    `:${signature}`,
    'Bearer fm_x_y',
    `Bearer ${blob}:${signature}`,
    `Basic ${Buffer.from('a:b').toString('base64')}`,
    `${blob}:${signature} `,
    ` ${blob}:${signature}`,
    `${blob}:${signature}\n`,
    `${blob}: ${signature}`,
    `${blob}::${signature}`,
    `${blob}:${signature}:${signature}`,
    `${blob},${signature}`,
    `${other.blob}${blob}:${signature}`,
    `ssh-ed25519 ${blob}:${signature}`,
    `${blob}=:${signature}`,
    `${blob.slice(0, -1)}=:${signature}`,
    `${blob}:${signature.slice(0, -2)}`,
    `${blob}:${signature.slice(0, -4)}`,
    `${blob}:${Buffer.alloc(65).toString('base64')}`,
    `${blob}:${signature.replace(/.==$/, 'B==')}`,
    `AAAAB3NzaC1yc2EAAAAB${blob.slice(20)}:${signature}`
  ]
  for (const text of texts) assert.equal(readSignature(text), undefined, text)
  assert.deepEqual(readSignature(`${blob}:${signature}`), presented)
})

test('what is read as a key is the blob of one, and each signature has one spelling', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  fc.assert(
    fc.property(bytes(32), bytes(64), (key, signature) => {
      const signed = Buffer.from(signature).toString('base64')
      const shown = readSignature(`${blobOf('ssh-ed25519', Buffer.from(key))}:${signed}`)!
      assert.equal(keyOfBlob(shown.blob).export({ format: 'jwk' }).x, Buffer.from(key).toString('base64url'))
      assert.equal(shown.signature, signed)
    })
  )
  const wire = Buffer.from(blobOf('ssh-ed25519', Buffer.alloc(32)), 'base64')
  for (let bit = 0; bit < 19 * 8; bit += 1) {
    const other = Buffer.from(wire)
    other[bit >> 3]! ^= 1 << (bit & 7)
    assert.equal(readSignature(`${other.toString('base64')}:${presented.signature}`), undefined, `bit ${bit}`)
  }
})

test('no string makes reading or checking throw, or passes', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('ts=', `ts=${ts}`, '&', '\ud800', '__proto__', 'constructor', ',', '?'),
    fc.array(fc.constantFrom('ts', '=', '&', '1', '%', '\0')).map(parts => parts.join(''))
  )
  const time = fc.oneof(fc.integer(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0))
  fc.assert(
    fc.property(hostile, hostile, hostile, time, hostile, (method, path, query, now, signature) => {
      assert.equal(readSignature(method), undefined)
      assert.equal(check({ method, path, query, now }).ok, false)
      assert.equal(check({}, { blob: path, signature }).ok, false)
      withoutTs(query)
    }),
    { numRuns: 2000 }
  )
})

test('a clock that tells no time lets nothing through', () => {
  assert.equal(whyOf(check({ now: Number.NaN })), 'wrong_time')
})

test('ts is taken out of a URL, and every other byte stays', () => {
  const urls: [url: string, without: string][] = [
    ['/api/tags', '/api/tags'],
    ['/api/tags?', '/api/tags?'],
    ['/api/tags?ts=1', '/api/tags'],
    ['/?ts', '/'],
    ['/?ts=1&ts=2', '/'],
    ['/a?ts=1&b=%2f+c', '/a?b=%2f+c'],
    ['/a?b=1&ts=1', '/a?b=1'],
    ['/a?b=1&ts=1&c=2', '/a?b=1&c=2'],
    ['/a?&ts=1&', '/a?&'],
    ['/a?ats=1&ts2=1&TS=1&%74s=1', '/a?ats=1&ts2=1&TS=1&%74s=1'],
    ['/ts=1/a?b=ts=1', '/ts=1/a?b=ts=1'],
    ['/a?b=?ts=1', '/a?b=?ts=1']
  ]
  for (const [url, without] of urls) assert.equal(withoutTs(url), without, url)
  const member = fc.string({ unit: 'grapheme' }).filter(text => !text.includes('&') && !/^ts(=|$)/.test(text))
  fc.assert(
    fc.property(fc.array(member, { minLength: 1 }), fc.nat(), (members, at) => {
      const url = `/a?${members.join('&')}`
      assert.equal(withoutTs(url), url)
      assert.equal(withoutTs(`/a?${members.toSpliced(at % (members.length + 1), 0, 'ts=17').join('&')}`), url)
    })
  )
})
