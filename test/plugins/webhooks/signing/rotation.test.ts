/** Rotations as a receiver meets them: through the routes, over HTTP, read by the official library. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { type Received, type Stage, startStage } from '../stage.ts'

const verify = (secret: string, { body, headers }: Received) =>
  new Webhook(secret).verify(body, headers as Record<string, string>)
const countOf = ({ headers }: Received) => String(headers['webhook-signature']).split(' ').length

async function rotate(stage: Stage, path: string, body: object): Promise<string> {
  const answer = await stage.ask<{ secret: string }>('POST', path, { body })
  assert.equal(answer.status, 200, answer.text)
  assert.match(answer.body.secret, /^whsec_/)
  return answer.body.secret
}

/** What comes next of what `cause` makes happen. */
async function nextAfter({ receiver }: Stage, cause: () => Promise<unknown>): Promise<Received> {
  const next = receiver.requests.length + 1
  await cause()
  return receiver.nth(next)
}

test('after a rotation with an overlap an endpoint verifies by either secret, the new one first', async t => {
  const stage = await startStage(t)
  const { id, secret: before } = await stage.endpoint({ events: ['job.done'] })
  const after = await rotate(stage, `/webhook-endpoints/${id}/secret/rotate`, { overlap_s: 60 })
  assert.notEqual(after, before)
  const sent = await nextAfter(stage, () => stage.submit())
  assert.deepEqual(verify(after, sent), sent.json)
  assert.deepEqual(verify(before, sent), sent.json)
  assert.equal(countOf(sent), 2)
  const [first] = String(sent.headers['webhook-signature']).split(' ')
  const alone = { ...sent, headers: { ...sent.headers, 'webhook-signature': first! } }
  assert.deepEqual(verify(after, alone), sent.json)
})

test('after a rotation without an overlap the old secret fits nothing', async t => {
  const stage = await startStage(t)
  const { id, secret: before } = await stage.endpoint({ events: ['job.done'] })
  const after = await rotate(stage, `/webhook-endpoints/${id}/secret/rotate`, { overlap_s: 0 })
  const sent = await nextAfter(stage, () => stage.submit())
  assert.deepEqual(verify(after, sent), sent.json)
  assert.throws(() => verify(before, sent), WebhookVerificationError)
  assert.equal(countOf(sent), 1)
})

test('the secret of an owner is rotated like that of an endpoint', async t => {
  const stage = await startStage(t)
  const webhook = { url: stage.receiver.url, events: ['job.done'] }
  const { body } = await stage.ask<{ secret: string }>('GET', '/webhook-secret')
  const after = await rotate(stage, '/webhook-secret/rotate', { overlap_s: 60 })
  const sent = await nextAfter(stage, () => stage.submit({ model: 'alpha', prompt: 'hello', webhook }))
  assert.deepEqual(verify(after, sent), sent.json)
  assert.deepEqual(verify(body.secret, sent), sent.json)
  const last = await rotate(stage, '/webhook-secret/rotate', { overlap_s: 0 })
  const later = await nextAfter(stage, () => stage.submit({ model: 'alpha', prompt: 'hello', webhook }))
  assert.deepEqual(verify(last, later), later.json)
  assert.throws(() => verify(after, later), WebhookVerificationError)
})
