/** Secrets: shown to whom they belong, changed without a gap, and never in the log. */
import assert from 'node:assert/strict'
import type { JsonWebKey } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { startForeman } from '../../helpers/foreman.ts'
import { ready } from '../../strength/support/jobs.ts'
import { startFake } from '../../strength/support/rig.ts'
import { assertProblem, type Received, type ShownDelivery, type Stage, startStage } from './stage.ts'
import { verify, verifyEd25519 } from './verify.ts'

interface ShownSecret {
  readonly secret: string
  readonly previous_until: string | null
}

const job = (url: string, webhook: object = {}) => ({
  ...{ model: 'alpha', prompt: 'hello' },
  webhook: { url, events: ['job.queued'], ...webhook }
})

const signaturesOf = ({ headers }: Received) => String(headers['webhook-signature']).split(' ')

async function secretOf(stage: Stage, token?: string): Promise<ShownSecret> {
  const answer = await stage.ask<ShownSecret>('GET', '/webhook-secret', token === undefined ? {} : { token })
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  return answer.body
}

test('the jobs of each owner are signed with a secret of theirs, that they can read again', async t => {
  const stage = await startStage(t, { auth: {} })
  const { receiver } = stage
  const scopes = ['webhooks', 'jobs:write']
  const [mine, theirs] = [await stage.token(scopes), await stage.token(scopes)]
  const first = await secretOf(stage, mine)
  assert.match(first.secret, /^whsec_/)
  assert.deepEqual(await secretOf(stage, mine), first)
  assert.notEqual((await secretOf(stage, theirs)).secret, first.secret)
  await stage.submit(job(receiver.url), mine)
  const told = await receiver.nth(1)
  assert.ok(verify(told, first.secret))
  assert.ok(!verify(told, (await secretOf(stage, theirs)).secret))
  await stage.submit({ model: 'alpha', prompt: 'hello', state_webhook_url: receiver.url }, theirs)
  assert.ok(verify(await receiver.nth(2), (await secretOf(stage, theirs)).secret))
})

test('a job can bring a secret of its own', async t => {
  const stage = await startStage(t)
  const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
  await stage.submit(job(stage.receiver.url, { secret }))
  const told = await stage.receiver.nth(1)
  assert.ok(verify(told, secret))
  assert.ok(!verify(told, (await secretOf(stage)).secret))
})

test('both secrets sign for as long as a rotation says, the new one first', async t => {
  const stage = await startStage(t)
  const { receiver } = stage
  const before = await secretOf(stage)
  const rotate = (body?: object) =>
    stage.ask<ShownSecret>('POST', '/webhook-secret/rotate', body === undefined ? {} : { body })
  const { status, body: after, headers } = await rotate()
  assert.deepEqual([status, headers.get('cache-control')], [200, 'no-store'])
  assert.notEqual(after.secret, before.secret)
  const leftMs = Date.parse(after.previous_until!) - Date.now()
  assert.ok(leftMs > 86_300_000 && leftMs <= 86_400_000)
  assert.deepEqual(await secretOf(stage), after)
  await stage.submit(job(receiver.url))
  const told = await receiver.nth(1)
  assert.equal(signaturesOf(told).length, 2)
  assert.ok(verify(told, after.secret, 0) && verify(told, before.secret, 1))
  const { body: last } = await rotate({ overlap_s: 0.0001 })
  assert.equal(last.previous_until, null)
  await stage.submit(job(receiver.url))
  const alone = await receiver.nth(2)
  assert.equal(signaturesOf(alone).length, 1)
  assert.ok(verify(alone, last.secret))
  for (const overlap_s of [-1, 604_801, 'a day'])
    assertProblem(await rotate({ overlap_s }), 422, 'validation_failed')
})

test('the secret of an endpoint is told once more by a rotation alone', async t => {
  const stage = await startStage(t)
  const { receiver } = stage
  const { id, secret } = await stage.endpoint({ events: ['job.queued'] })
  const path = `/webhook-endpoints/${id}`
  const { body, headers } = await stage.ask<{ secret: string; previous_secret_until: string }>(
    'POST',
    `${path}/secret/rotate`,
    { body: { overlap_s: 3600 } }
  )
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.ok(Date.parse(body.previous_secret_until) > Date.now() + 3_500_000)
  await stage.submit()
  const told = await receiver.nth(1)
  assert.ok(verify(told, body.secret, 0) && verify(told, secret, 1))
  for (const where of [path, '/webhook-endpoints']) {
    const { text } = await stage.ask('GET', where)
    assert.ok(!text.includes(secret) && !text.includes(body.secret))
  }
})

test('whoever wants no secret checks by the public key', async t => {
  const stage = await startStage(t, { auth: {} })
  const { secret } = await stage.endpoint({ events: ['job.queued'], signing: 'ed25519' })
  const answer = await fetch(`${stage.url}/webhook-keys`)
  assert.equal(answer.status, 200)
  const { keys } = (await answer.json()) as { keys: [JsonWebKey & { kid: string; public_key: string }] }
  assert.equal(keys.length, 1)
  assert.deepEqual([keys[0].kty, keys[0].crv, keys[0].alg], ['OKP', 'Ed25519', 'EdDSA'])
  assert.equal(keys[0].public_key, `whpk_${Buffer.from(keys[0].x!, 'base64url').toString('base64')}`)
  await stage.submit()
  const told = await stage.receiver.nth(1)
  assert.ok(verify(told, secret) && verifyEd25519(told, keys[0]))
})

test('a secret that does not open is told as lost, and a rotation mends it', async t => {
  const stage = await startStage(t)
  const { receiver } = stage
  const { id } = await stage.endpoint({ events: ['job.queued'] })
  const lost = await secretOf(stage)
  const { db } = stage.app
  // As after a key file that was lost: what was sealed is of another key.
  db.prepare('UPDATE webhook_secret SET secret = zeroblob(60)').run()
  db.prepare('UPDATE webhook_endpoint SET secret = zeroblob(60), headers = zeroblob(60)').run()
  // Endpoints are read again with the next change to any.
  await stage.ask('DELETE', `/webhook-endpoints/${(await stage.endpoint({ events: ['target.up'] })).id}`)
  const answer = await stage.ask('GET', '/webhook-secret')
  assert.match(assertProblem(answer, 500, 'secret_lost').detail, /\/webhook-secret\/rotate/)
  const rotated = await stage.ask<ShownSecret>('POST', '/webhook-secret/rotate')
  assert.deepEqual([rotated.status, rotated.body.previous_until], [200, null])
  assert.notEqual(rotated.body.secret, lost.secret)

  const path = `/webhook-endpoints/${id}`
  const wait = { headers: { prefer: 'wait=20' } }
  const tried = await stage.ask<ShownDelivery>('POST', `${path}/test`, wait)
  assert.deepEqual([tried.body.state, tried.body.reason], ['exhausted', 'secret_lost'])
  const shown = await stage.ask<{ disabled_reason: string }>('GET', path)
  assert.equal(shown.body.disabled_reason, 'secret_lost')
  const { body } = await stage.ask<{ secret: string }>('POST', `${path}/secret/rotate`)
  await stage.ask('POST', `${path}/enable`)
  await stage.submit()
  assert.ok(verify(await receiver.nth(1), body.secret))
})

test('no secret, no header value and no query of a URL is ever logged', async t => {
  const fake = await startFake(t)
  const log = new PassThrough()
  const lines: string[] = []
  log.on('data', line => lines.push(String(line)))
  const settings = { plugins: { webhooks: { allow: ['127.0.0.1:9'], retry_schedule_s: [] } } }
  const { app, url } = await startForeman(
    t,
    { target: fake.url, settings },
    { logger: { level: 'trace', stream: log } }
  )
  await ready(app)
  const ask = async (method: string, path: string, body: object = {}) => {
    const headers = { 'content-type': 'application/json', prefer: 'wait=20' }
    const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) })
    return (await answer.json()) as { id: string; secret: string }
  }
  const receiver = 'http://127.0.0.1:9/hook?key=canary-query'
  const made = await ask('POST', '/webhook-endpoints', { url: receiver, headers: { a: 'canary-header' } })
  const rotated = await ask('POST', `/webhook-endpoints/${made.id}/secret/rotate`)
  const own = await ask('POST', '/webhook-secret/rotate')
  const secret = `whsec_${Buffer.from('canary-of-a-job-canary-of').toString('base64')}`
  await ask('POST', `/webhook-endpoints/${made.id}/test`)
  await ask('POST', '/jobs', job(receiver, { secret }))
  await ask('POST', '/webhook-endpoints', {
    url: 'http://10.0.0.1/?key=canary-query',
    headers: { a: 'canary-header' }
  })
  const text = lines.join('')
  assert.ok(lines.length > 10)
  const canaries = ['canary-query', 'canary-header', secret, made.secret, rotated.secret, own.secret]
  assert.deepEqual(
    canaries.filter(canary => text.includes(canary)),
    []
  )
})
