import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { startForeman } from '../../helpers/foreman.ts'
import { type Received, type Stage, type StageOptions, startStage } from './stage.ts'

const quick = { retry_schedule_s: Array(20).fill(0.02) }

interface Page {
  readonly data: readonly { readonly id: string; readonly state: string; readonly attempts_total?: number }[]
}

function start(t: TestContext, webhooks: StageOptions['webhooks'] = quick): Promise<Stage> {
  return startStage(t, { webhooks })
}

function typesOf(requests: readonly Received[]): string[] {
  return requests.map(({ json }) => json.type)
}

/** Until `count` messages of a type came. */
async function heard({ receiver }: Stage, type: string, count = 1): Promise<Received[]> {
  for (let n = receiver.requests.length; ; n++) {
    const found = receiver.requests.filter(({ json }) => json.type === type)
    if (found.length >= count) return found
    await receiver.nth(n + 1)
  }
}

test('every change of a job is told in order, signed with the secret of its owner', async t => {
  const stage = await start(t)
  const job = await stage.submit({ model: 'alpha', prompt: 'hello', state_webhook_url: stage.receiver.url })
  await heard(stage, 'job.done')
  const { requests } = stage.receiver
  assert.deepEqual(typesOf(requests), ['job.queued', 'job.loading', 'job.working', 'job.done'])
  assert.deepEqual(
    requests.map(({ json }) => [json.data.id, json.data.seq, json.data.previous_state]),
    [null, 'queued', 'loading', 'working'].map((before, n) => [job.id, requests[n]!.json.data.seq, before])
  )
  const { body } = await stage.ask<{ secret: string }>('GET', '/webhook-secret')
  const { body: page } = await stage.ask<{ data: { id: string; type: string }[] }>(
    'GET',
    `/jobs/${job.id}/events`
  )
  const webhook = new Webhook(body.secret)
  for (const { body: raw, headers, json } of requests) {
    assert.deepEqual(webhook.verify(raw, headers as Record<string, string>), json)
    assert.equal(page.data.find(({ type }) => type === json.type)!.id, headers['webhook-id'])
    assert.equal(headers['content-type'], 'application/json')
    assert.match(headers['user-agent']!, /^Foreman-Webhooks\//)
  }
})

test('a message that is not taken comes again under the same id, signed anew', async t => {
  const stage = await start(t)
  stage.receiver.answers(() => ({ status: stage.receiver.requests.length < 3 ? 500 : 204 }))
  const { secret } = await stage.endpoint({ events: ['job.done'] })
  await stage.submit()
  const tries = await heard(stage, 'job.done', 3)
  assert.equal(new Set(tries.map(({ headers }) => headers['webhook-id'])).size, 1)
  assert.equal(new Set(tries.map(({ body }) => body)).size, 1)
  assert.deepEqual(
    tries.map(({ headers }) => headers['foreman-delivery-attempt']),
    ['1', '2', '3']
  )
  for (const { body, headers } of tries) new Webhook(secret).verify(body, headers as Record<string, string>)
  const shown = await stage.settled(tries[2]!)
  assert.equal(shown.state, 'delivered')
})

test('a secret of the job signs in the place of its owner', async t => {
  const stage = await start(t)
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  await stage.submit({
    model: 'alpha',
    prompt: 'x',
    webhook: { url: stage.receiver.url, events: ['job.done'], secret }
  })
  const [done] = await heard(stage, 'job.done')
  new Webhook(secret).verify(done!.body, done!.headers as Record<string, string>)
})

test('a job that is done again tells the same one', async t => {
  const stage = await start(t)
  await stage.fake.configure({ faults: [{ kind: 'status', path: '/api/chat', status: 400, times: 1 }] })
  const webhook = { url: stage.receiver.url, events: ['job.done', 'job.failed'] }
  const first = await stage.submit({ model: 'alpha', messages: [{ role: 'user', content: 'x' }], webhook })
  await heard(stage, 'job.failed')
  const again = await stage.ask<{ id: string }>('POST', `/jobs/${first.id}/retry`)
  const [done] = await heard(stage, 'job.done')
  assert.equal(done!.json.data.id, again.body.id)
})

test('a receiver that asks for time gets it, and so do all that wait for it', async t => {
  const stage = await start(t)
  const times: number[] = []
  stage.receiver.answers(() => {
    times.push(performance.now())
    return times.length === 1 ? { status: 429, headers: { 'retry-after': '1' } } : {}
  })
  await stage.endpoint({ events: ['job.queued'] })
  await Promise.all([stage.submit(), stage.submit()])
  await stage.receiver.nth(3)
  // Both may have been under way when the answer came.
  const last = times.at(-1)! - times[0]!
  assert.ok(last >= 990, `${last} ms`)
})

test('an endpoint that is gone is disabled, its events are held, and come by a replay in their order', async t => {
  const stage = await start(t)
  stage.receiver.answers({ status: 410 })
  const { id } = await stage.endpoint({ events: ['job.queued', 'job.done'] })
  const job = await stage.submit()
  await stage.receiver.nth(1)
  await stage.ended(job.id)
  const later = await stage.submit()
  await stage.ended(later.id)
  for (;;) {
    const { body } = await stage.ask<Page>('GET', `/webhook-deliveries?endpoint_id=${id}&state=held`)
    if (body.data.length === 3) break
  }
  const shown = await stage.ask<Record<string, unknown>>('GET', `/webhook-endpoints/${id}`)
  assert.deepEqual([shown.body.state, shown.body.disabled_reason], ['disabled', 'gone'])
  assert.equal(stage.receiver.requests.length, 1)
  stage.receiver.answers({})
  await stage.ask('POST', `/webhook-endpoints/${id}/enable`)
  const replayed = await stage.ask<{ count: number }>('POST', `/webhook-endpoints/${id}/replay`)
  assert.deepEqual([replayed.status, replayed.body.count], [202, 4])
  await stage.receiver.nth(5)
  const came = stage.receiver.requests.slice(1).map(({ json }) => `${json.data.id} ${json.type}`)
  for (const one of [job, later]) {
    const types = came.filter(line => line.startsWith(one.id))
    assert.deepEqual(types, [`${one.id} job.queued`, `${one.id} job.done`])
  }
})

test('an address that is gone gets nothing more of its job', async t => {
  const stage = await start(t)
  stage.receiver.answers({ status: 410 })
  const job = await stage.submit({ model: 'alpha', prompt: 'x', state_webhook_url: stage.receiver.url })
  await stage.ended(job.id)
  for (;;) {
    const { body } = await stage.ask<Page>('GET', `/webhook-deliveries?job_id=${job.id}`)
    if (body.data.length > 0 && body.data.every(({ state }) => state === 'exhausted')) break
  }
})

test('nothing but failures for long disables an endpoint, and the others are told', async t => {
  const stage = await start(t, {
    retry_schedule_s: Array(50).fill(0.05),
    disable_after_s: 1,
    circuit_failures: 10_000
  })
  const { id } = await stage.endpoint({ events: ['job.done'], url: `${stage.receiver.url}/bad` })
  await stage.endpoint({ events: ['webhook_endpoint.*'] })
  stage.receiver.answers(({ path }) => ({ status: path.endsWith('/bad') ? 503 : 204 }))
  await stage.submit()
  const [told] = await heard(stage, 'webhook_endpoint.disabled')
  assert.equal(told!.json.data.endpoint_id, id)
  assert.equal(told!.json.data.reason, 'failing')
})

test('a delivery that is given up is told to those who want to know, and not about itself', async t => {
  const stage = await start(t, { retry_schedule_s: [0.02] })
  stage.receiver.answers(({ json }) => ({ status: json.type === 'job.done' ? 404 : 500 }))
  await stage.endpoint({ events: ['job.done', 'webhook_delivery.exhausted'] })
  const job = await stage.submit()
  const told = await heard(stage, 'webhook_delivery.exhausted', 2)
  assert.equal(told[0]!.headers['webhook-id'], told[1]!.headers['webhook-id'], 'one event, tried twice')
  const { data } = told[0]!.json
  assert.deepEqual(
    [data.job_id, data.event_type, data.reason, data.attempts, data.outcome, data.status],
    [job.id, 'job.done', 'attempts_used', 2, '4xx', 404]
  )
  await stage.settled(told[1]!)
  const { body } = await stage.ask<Page>('GET', '/webhook-deliveries')
  assert.equal(body.data.length, 2)
})

test('a receiver that fails all the time is tried now and then, and what waits for it uses up no attempts', async t => {
  const stage = await start(t, {
    retry_schedule_s: Array(50).fill(0.01),
    circuit_failures: 3,
    circuit_probe_s: 0.4,
    // Those under way beside the third do not know of it.
    concurrency_per_receiver: 1
  })
  const times: number[] = []
  stage.receiver.answers(() => {
    times.push(performance.now())
    return { status: times.length < 6 ? 500 : 204 }
  })
  await stage.endpoint({ events: ['job.queued'] })
  for (let n = 0; n < 8; n++) await stage.submit()
  await stage.settled((await heard(stage, 'job.queued', 13)).at(-1)!)
  const pauses = times.slice(1, 6).map((at, n) => at - times[n]!)
  assert.ok(
    pauses.slice(2).every(pause => pause >= 390),
    String(pauses)
  )
  const { body } = await stage.ask<Page>('GET', '/webhook-deliveries?state=delivered')
  assert.equal(body.data.length, 8)
  assert.equal(stage.receiver.requests.length, 13, 'one attempt for each, and five that failed')
})

test('an endpoint gets the form it asks for: thin, as a CloudEvent, with its headers, signed twice', async t => {
  const stage = await start(t, { ...quick, public_url: 'https://foreman.example' })
  const headers = { authorization: 'Bearer mine', 'x-team': 'a' }
  const form = { payload: 'thin', format: 'cloudevents', signing: 'ed25519', headers, events: ['job.done'] }
  const { secret } = await stage.endpoint(form)
  const job = await stage.submit()
  const [done] = await heard(stage, 'foreman.job.done')
  const event = done!.json as unknown as Record<string, unknown>
  const { id, source, type, subject, specversion, data } = event
  assert.deepEqual(
    [specversion, id, source, type, subject],
    ['1.0', done!.headers['webhook-id'], 'https://foreman.example', 'foreman.job.done', job.id]
  )
  assert.deepEqual(Object.keys(data as object), ['id', 'state', 'seq', 'urls'])
  assert.deepEqual([done!.headers.authorization, done!.headers['x-team']], ['Bearer mine', 'a'])
  assert.match(done!.headers['content-type']!, /^application\/cloudevents\+json/)
  const signatures = String(done!.headers['webhook-signature']).split(' ')
  const [hmac, public_] = ['v1,', 'v1a,'].map(start => signatures.find(one => one.startsWith(start))!)
  const signed = { ...(done!.headers as Record<string, string>), 'webhook-signature': hmac! }
  new Webhook(secret).verify(done!.body, signed)
  const { body: jwks } = await stage.ask<{ keys: object[] }>('GET', '/webhook-keys')
  const key = createPublicKey({ key: jwks.keys[0] as never, format: 'jwk' })
  const text = `${done!.headers['webhook-id']}.${done!.headers['webhook-timestamp']}.${done!.body}`
  assert.ok(verify(null, Buffer.from(text), key, Buffer.from(public_!.slice(4), 'base64')))
})

test('what happens at the target is told to those who want it', async t => {
  const stage = await start(t)
  await stage.endpoint({ events: ['model.*', 'target.*'] })
  await stage.submit()
  const [loaded] = await heard(stage, 'model.loaded')
  assert.match(loaded!.headers['webhook-id'] as string, /^evt_[0-9a-z]{26}$/)
  assert.equal(loaded!.json.data.by_foreman, true)
})

test('where the key of the secrets is lost an endpoint is disabled, and nothing is sent unsigned', async t => {
  const stage = await start(t)
  const { id } = await stage.endpoint({ events: ['job.queued'] })
  stage.app.db.prepare("DELETE FROM secret WHERE name = 'webhooks'").run()
  await stage.app.close()
  const settings = { plugins: { auth: false, webhooks: { allow: [stage.receiver.allow] } } }
  const second = await startForeman(t, { target: stage.fake.url, dataDir: stage.dataDir, settings })
  const ask = async (path: string, init?: RequestInit) => (await fetch(`${second.url}${path}`, init)).json()
  const headers = { 'content-type': 'application/json' }
  await ask('/jobs', { method: 'POST', headers, body: '{"model":"alpha","prompt":"x"}' })
  for (;;) {
    const shown = (await ask(`/webhook-endpoints/${id}`)) as { disabled_reason: string | null }
    if (shown.disabled_reason === 'secret_lost') break
  }
  assert.equal(stage.receiver.requests.length, 0)
  await ask(`/webhook-endpoints/${id}/secret/rotate`, { method: 'POST' })
  await ask(`/webhook-endpoints/${id}/enable`, { method: 'POST' })
  await ask(`/webhook-endpoints/${id}/replay`, { method: 'POST' })
  assert.equal((await stage.receiver.nth(1)).json.type, 'job.queued')
})
