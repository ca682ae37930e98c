/** What foreman signs, read by the official library and, for what that does not know, by node:crypto. */
import assert from 'node:assert/strict'
import { createPublicKey, type JsonWebKey, randomBytes, verify } from 'node:crypto'
import { test } from 'node:test'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { ed25519Key, publicJwks } from '../../../../plugins/webhooks/signing/public-keys.ts'
import { newSecret, secretText } from '../../../../plugins/webhooks/signing/secret-text.ts'
import { type SignatureHeaders, signatureHeaders } from '../../../../plugins/webhooks/signing/sign.ts'
import fc from '../../../helpers/fast-check.ts'

const id = 'evt_01m4f1v3m5v8w2kq0d1n7e9xhz'
const toleranceS = 300

const nowS = () => Math.floor(Date.now() / 1000)
const accepts = (secret: Buffer, body: string, headers: SignatureHeaders) =>
  new Webhook(secretText(secret)).verify(body, { ...headers })

/** Text with every kind of character that a prompt or an answer may have. */
const someText = fc.string({
  unit: fc.constantFrom('a', '"', '\\', '.', ' ', '\n', 'é', 'ß', '中', '🦙', '\u2028')
})

test('the vector of Standard Webhooks', () => {
  const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')
  const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', atS: 1614265330, body: '{"test": 2432232314}' }
  assert.deepEqual(signatureHeaders(message, { secrets: [secret] }), {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
  })
})

test('the official library accepts whatever is signed', () => {
  const message = fc.record({ type: someText, data: fc.record({ text: someText, any: fc.jsonValue() }) })
  const secret = fc.uint8Array({ minLength: 24, maxLength: 64 }).map(bytes => Buffer.from(bytes))
  fc.assert(
    fc.property(message, secret, (said, key) => {
      const body = JSON.stringify(said)
      const asText = signatureHeaders({ id, atS: nowS(), body }, { secrets: [key] })
      assert.deepEqual(accepts(key, body, asText), JSON.parse(body))
      const bytes = { id, atS: Number(asText['webhook-timestamp']), body: Buffer.from(body) }
      assert.deepEqual(signatureHeaders(bytes, { secrets: [key] }), asText)
    }),
    { numRuns: 300 }
  )
})

test('during a rotation both secrets verify, the newest stands first', () => {
  const [newest, before, stranger] = [newSecret(), newSecret(), newSecret()]
  const message = { id, atS: nowS(), body: '{"type":"job.done"}' }
  const headers = signatureHeaders(message, { secrets: [newest, before] })
  accepts(newest, message.body, headers)
  accepts(before, message.body, headers)
  assert.throws(() => accepts(stranger, message.body, headers), WebhookVerificationError)
  const alone = signatureHeaders(message, { secrets: [newest] })['webhook-signature']
  assert.equal(headers['webhook-signature'].split(' ')[0], alone)
  assert.equal(headers['webhook-signature'].split(' ').length, 2)
})

test('another id, time or body is refused', () => {
  const secret = newSecret()
  const body = '{"type":"job.done"}'
  const headers = signatureHeaders({ id, atS: nowS(), body }, { secrets: [secret] })
  const refuses = (changed: string, told: SignatureHeaders) =>
    assert.throws(() => accepts(secret, changed, told), WebhookVerificationError)
  accepts(secret, body, headers)
  refuses('{"type":"job.done" }', headers)
  refuses(body, { ...headers, 'webhook-id': `${id}0` })
  refuses(body, { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 1) })
})

test('the time that is signed is the one that is held against the clock', () => {
  const secret = newSecret()
  const at = (atS: number) => signatureHeaders({ id, atS, body: '{}' }, { secrets: [secret] })
  accepts(secret, '{}', at(nowS() - toleranceS + 30))
  assert.throws(() => accepts(secret, '{}', at(nowS() - toleranceS - 30)), /too old/)
  assert.throws(() => accepts(secret, '{}', at(nowS() + toleranceS + 30)), /too new/)
})

test('a v1a signature verifies by the published key, and stands behind those of the secrets', () => {
  const key = ed25519Key(randomBytes(32))
  const [secret, body] = [newSecret(), '{"type":"job.done","data":{"result":"中 🦙"}}']
  const headers = signatureHeaders({ id, atS: nowS(), body }, { secrets: [secret], ed25519: key })
  accepts(secret, body, headers)
  const [v1, v1a, ...more] = headers['webhook-signature'].split(' ')
  assert.match(v1!, /^v1,/)
  assert.match(v1a!, /^v1a,[A-Za-z0-9+/]{86}==$/)
  assert.deepEqual(more, [])

  const isBy = (published: JsonWebKey, signed: string) =>
    verify(
      null,
      Buffer.from(signed),
      createPublicKey({ key: published, format: 'jwk' }),
      Buffer.from(v1a!.slice('v1a,'.length), 'base64')
    )
  const published = { ...publicJwks(key).keys[0]! }
  const signed = `${id}.${headers['webhook-timestamp']}.${body}`
  assert.equal(isBy(published, signed), true)
  assert.equal(isBy(published, `${signed} `), false)
  assert.equal(isBy({ ...publicJwks(ed25519Key(randomBytes(32))).keys[0]! }, signed), false)
})

test('with text or bytes the v1a signature is the same', () => {
  const ed25519 = ed25519Key(Buffer.alloc(32, 7))
  const [atS, body] = [1614265330, '{"text":"ß 中 🦙"}']
  assert.deepEqual(
    signatureHeaders({ id, atS, body: Buffer.from(body) }, { secrets: [], ed25519 }),
    signatureHeaders({ id, atS, body }, { secrets: [], ed25519 })
  )
})
