/** Webhooks, verified by the TypeScript client: the message of docs/webhooks.md, and messages of a real foreman. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { startRig } from '../../strength/support/rig.ts'
import { load } from './built.ts'

const { Foreman, verifyWebhook, WebhookVerificationError } = await load('index')
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

/** The message that docs/webhooks.md shows: its head as it stands there, its body without white space. */
function documented(): { headers: Record<string, string>; body: string } {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/webhooks.md'), 'utf8')
  const head = /^POST \/ HTTP\/1\.1\n([\s\S]*?)^```$/m.exec(page)![1]!
  const body = /^```json\n([\s\S]*?)^```$/m.exec(page)![1]!
  const headers = Object.fromEntries(
    head
      .trim()
      .split('\n')
      .map(line => line.split(': '))
  )
  return { headers, body: JSON.stringify(JSON.parse(body)) }
}

const message = documented()
const sentMs = Number(message.headers['webhook-timestamp']) * 1000
const at = (offS: number) => ({ now: new Date(sentMs + offS * 1000) })

test('the documented message is genuine, as text and as bytes, by headers of fetch and of Node', async () => {
  const { headers, body } = message
  const event = await verifyWebhook(body, headers, secret, at(0))
  assert.equal(event.type, 'job.done')
  assert.equal(event.id, headers['webhook-id'])
  assert.equal(event.data.state, 'done')
  assert.deepEqual(await verifyWebhook(Buffer.from(body), new Headers(headers), secret, at(299)), event)
  const odd = { 'Webhook-Id': [headers['webhook-id']!], 'WEBHOOK-TIMESTAMP': headers['webhook-timestamp'] }
  const signature = { 'webhook-signature': `v9,eA== v1,AAAA ${headers['webhook-signature']}` }
  assert.deepEqual(await verifyWebhook(body, { ...odd, ...signature }, secret, at(-299)), event)
})

test('what the library of Standard Webhooks signs is genuine', async () => {
  const now = new Date()
  const headers = {
    'webhook-id': 'evt_ä',
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign('evt_ä', now, '{"type":"wörd"}')
  }
  assert.equal((await verifyWebhook('{"type":"wörd"}', headers, secret)).type, 'wörd')
})

test('a clock that is ten minutes off is told apart from a wrong secret', async () => {
  const { headers, body } = message
  const refused = (offS: number, over: object = {}, secrets = secret, text = body) =>
    verifyWebhook(text, { ...headers, ...over }, secrets, at(offS))
  const fault = (name: string, words: RegExp) => (err: unknown) => {
    assert.ok(err instanceof WebhookVerificationError)
    assert.equal(err.fault, name)
    assert.match(err.message, words)
    return true
  }
  await assert.rejects(refused(600), fault('timestamp', /600 s behind this machine's clock.*check the clock/))
  await assert.rejects(
    refused(-600),
    fault('timestamp', /600 s ahead of this machine's clock.*check the clock/)
  )
  await assert.rejects(refused(0, {}, `whsec_${btoa('x'.repeat(32))}`), fault('signature', /another secret/))
  await assert.rejects(
    refused(0, {}, secret, body.replace('done', 'gone')),
    fault('signature', /was changed/)
  )
  // Who makes up a time has no signature for it.
  await assert.rejects(
    refused(600, { 'webhook-timestamp': String(sentMs / 1000 + 600) }),
    fault('signature', /./)
  )
  await assert.rejects(refused(0, { 'webhook-id': undefined }), fault('headers', /webhook-id is missing/))
  await assert.rejects(refused(0, { 'webhook-signature': 'v1,???' }), fault('signature', /./))
  await assert.rejects(refused(0, {}, 'a secret'), TypeError)
})

test('one secret of two is enough, and a public key verifies without a secret', async () => {
  const { headers, body } = message
  const other = `whsec_${btoa('y'.repeat(32))}`
  assert.equal((await verifyWebhook(body, headers, [other, secret], at(0))).type, 'job.done')
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const whpk = `whpk_${Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url').toString('base64')}`
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const v1a = `v1a,${sign(null, Buffer.from(signed), privateKey).toString('base64')}`
  const both = { ...headers, 'webhook-signature': `${headers['webhook-signature']} ${v1a}` }
  assert.equal((await verifyWebhook(body, both, whpk, at(0))).type, 'job.done')
  await assert.rejects(verifyWebhook(body, headers, whpk, at(0)), WebhookVerificationError)
  const forged = { ...headers, 'webhook-signature': `v1a,${v1a.slice(4, -6)}AAAA==` }
  await assert.rejects(verifyWebhook(body, forged, whpk, at(0)), WebhookVerificationError)
})

test('what a foreman sends is genuine, to its last event', async t => {
  const own = `whsec_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')}`
  const { url, types } = await startReceiver(t, async request =>
    verifyWebhook(await buffer(request), request.headers, own)
  )
  const allow = [new URL(url).host]
  const rig = await startRig(t, {}, { plugins: { webhooks: { allow } } })
  const foreman = new Foreman({ baseUrl: rig.url })
  await foreman.submit({ model: 'alpha', prompt: 'Why?', webhook: { url, secret: own } })
  assert.deepEqual(await types, ['job.queued', 'job.loading', 'job.working', 'job.done'])
})

/** Takes messages until the end of a job. @returns the types that were taken */
async function startReceiver(t: TestContext, take: (request: IncomingMessage) => Promise<{ type: string }>) {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  const types: string[] = []
  const server = createServer(async (request, answer) => {
    try {
      types.push((await take(request)).type)
      answer.writeHead(204).end()
      if (types.at(-1) === 'job.done') resolve(types)
    } catch (err) {
      reject(err)
      answer.writeHead(400).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, types: promise }
}
