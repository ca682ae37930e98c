/** What is done with an endpoint: tried, switched off and on, told again what it missed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Answer,
  assertProblem,
  type ShownDelivery,
  type ShownEndpoint,
  type Stage,
  startStage
} from './stage.ts'

const waiting = { headers: { prefer: 'wait=20' } }
/** No second attempt within a test. */
const patient = { retry_schedule_s: [3600] }

const post = <T>(stage: Stage, id: string, action: string, body?: object): Promise<Answer<T>> =>
  stage.ask<T>('POST', `/webhook-endpoints/${id}/${action}`, body === undefined ? {} : { body })

test('a test is sent once, and the answer can wait for what comes of it', async t => {
  const stage = await startStage(t)
  stage.receiver.answers({
    status: 301,
    headers: { location: 'https://hooks.example.com/?key=1' },
    body: 'moved'
  })
  const { id } = await stage.endpoint()
  const path = `/webhook-endpoints/${id}/test`
  const began = performance.now()
  const answer = await stage.ask<ShownDelivery>('POST', path, waiting)
  const waitedS = (performance.now() - began) / 1000
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers.get('preference-applied'), 'wait=20')
  assert.equal(answer.headers.get('location'), `/webhook-deliveries/${answer.body.id}`)
  const { state, reason, event_type, job_id, attempts, attempt_count, next_attempt_at } = answer.body
  assert.deepEqual(
    [state, reason, event_type, job_id],
    ['exhausted', 'attempts_used', 'webhook_endpoint.test', null]
  )
  assert.deepEqual([attempt_count, next_attempt_at], [1, null])
  const [{ at, duration_s, ...attempt }] = attempts as [Record<string, unknown>]
  assert.deepEqual(attempt, {
    ...{ n: 1, outcome: '3xx', status: 301, address: '127.0.0.1', error: attempt.error },
    ...{ location: 'https://hooks.example.com/', response: 'moved' }
  })
  assert.ok(!Number.isNaN(Date.parse(String(at))))
  // It is told in whole milliseconds.
  const mostS = Math.ceil(waitedS * 1000) / 1000
  assert.ok(typeof duration_s === 'number' && duration_s >= 0 && duration_s <= mostS, `${duration_s} s`)
  assert.deepEqual(stage.receiver.requests.length, 1)
  const { json } = stage.receiver.requests[0]!
  assert.deepEqual([json.type, json.data.endpoint_id], ['webhook_endpoint.test', id])
})

test('without a wait the delivery is told at once, and while it is under way', async t => {
  const stage = await startStage(t)
  const gate = Promise.withResolvers<{ status: number }>()
  stage.receiver.answers(() => gate.promise)
  const { id } = await stage.endpoint()
  const answer = await stage.ask<ShownDelivery>('POST', `/webhook-endpoints/${id}/test`)
  assert.equal(answer.status, 202)
  assert.equal(answer.headers.get('preference-applied'), null)
  const sent = await stage.receiver.nth(1)
  const inFlight = await stage.delivery(answer.body.id)
  assert.deepEqual([inFlight.state, inFlight.next_attempt_at], ['in_flight', null])
  const listed = async (state: string) => {
    const { body } = await stage.ask<{ data: ShownDelivery[] }>('GET', `/webhook-deliveries?state=${state}`)
    return body.data.map(delivery => delivery.id)
  }
  assert.deepEqual([await listed('in_flight'), await listed('pending')], [[answer.body.id], []])
  const { status, body } = await stage.ask<ShownDelivery>(
    'POST',
    `/webhook-deliveries/${answer.body.id}/redeliver`
  )
  assert.deepEqual([status, body.state], [202, 'in_flight'])
  gate.resolve({ status: 200 })
  assert.equal((await stage.settled(sent)).state, 'delivered')
  assert.deepEqual([await listed('in_flight'), await listed('delivered')], [[], [answer.body.id]])
  assert.equal(stage.receiver.requests.length, 1)
})

test('a wait that is too short ends with the delivery as it is, and one at the end of foreman at once', async t => {
  const stage = await startStage(t)
  const gate = Promise.withResolvers<object>()
  stage.receiver.answers(() => gate.promise)
  t.after(() => gate.resolve({}))
  const { id } = await stage.endpoint()
  const path = `/webhook-endpoints/${id}/test`
  const short = await stage.ask('POST', path, { headers: { prefer: 'wait=0' } })
  assert.deepEqual([short.status, short.headers.get('preference-applied')], [202, 'wait=0'])
  const long = stage.ask<ShownDelivery>('POST', path, { headers: { prefer: 'wait=60' } })
  await stage.receiver.nth(2)
  const closed = stage.app.close()
  assert.equal((await long).status, 202)
  gate.resolve({})
  await closed
})

test('one that is disabled is sent nothing but tests; what it missed is held, and replayed', async t => {
  const stage = await startStage(t)
  const { id } = await stage.endpoint({ events: ['job.queued', 'job.done'] })
  const watcher = await stage.endpoint({ events: ['webhook_endpoint.disabled'] })
  const disabled = await post<ShownEndpoint>(stage, id, 'disable')
  assert.deepEqual(
    [disabled.status, disabled.body.state, disabled.body.disabled_reason],
    [200, 'disabled', 'by_hand']
  )
  const again = await post<ShownEndpoint>(stage, id, 'disable')
  assert.deepEqual(again.body, disabled.body, 'it is disabled once')
  const news = await stage.receiver.nth(1)
  assert.deepEqual([news.json.type, news.json.data.endpoint_id], ['webhook_endpoint.disabled', id])
  assert.equal(watcher.state, 'enabled')

  const job = await stage.submit()
  await stage.ended(job.id)
  const tried = await stage.ask<ShownDelivery>('POST', `/webhook-endpoints/${id}/test`, waiting)
  assert.equal(tried.body.state, 'delivered')
  assertProblem(await post(stage, id, 'replay'), 409, 'endpoint_disabled')
  const held = await stage.ask<{ data: ShownDelivery[] }>(
    'GET',
    `/webhook-deliveries?endpoint_id=${id}&state=held`
  )
  assert.equal(held.body.data.length, 2)
  const one = await stage.ask('POST', `/webhook-deliveries/${held.body.data[0]!.id}/redeliver`)
  assertProblem(one, 409, 'endpoint_disabled')

  const enabled = await post<ShownEndpoint>(stage, id, 'enable')
  assert.deepEqual([enabled.status, enabled.body.state, enabled.body.held], [200, 'enabled', 2])
  const replayed = await post<{ count: number }>(stage, id, 'replay', { types: ['job.done'] })
  assert.deepEqual([replayed.status, replayed.body], [202, { count: 1 }])
  const done = await stage.receiver.nth(3)
  assert.deepEqual([done.json.type, done.json.data.id], ['job.done', job.id])
  assert.equal((await post<ShownEndpoint>(stage, id, 'enable')).body.held, 1)
})

test('an endpoint that was disabled for its failures is not disabled by the next one', async t => {
  const stage = await startStage(t, { webhooks: { ...patient, disable_after_s: 60 } })
  stage.receiver.answers({ status: 500 })
  const { id } = await stage.endpoint({ events: ['job.queued'] })
  const submit = async (n: number) => {
    await stage.submit()
    await stage.settled(await stage.receiver.nth(n))
    return (await stage.ask<ShownEndpoint>('GET', `/webhook-endpoints/${id}`)).body
  }
  assert.equal((await submit(1)).state, 'enabled')
  stage.app.db.prepare('UPDATE webhook_receiver SET failing_since = failing_since - 3600000').run()
  const failing = await submit(2)
  assert.deepEqual([failing.state, failing.disabled_reason], ['disabled', 'failing'])
  const enabled = await post<ShownEndpoint>(stage, id, 'enable')
  assert.deepEqual(enabled.body.health, { failures: 0, failing_since: null })
  assert.equal((await submit(3)).state, 'enabled')
})

test('a replay sends what was given up under its old id, and leaves out what was asked to be left out', async t => {
  const stage = await startStage(t, { webhooks: { retry_schedule_s: [] } })
  stage.receiver.answers({ status: 500 })
  const { id } = await stage.endpoint({ events: ['job.queued'] })
  await stage.ask('POST', `/webhook-endpoints/${id}/test`, waiting)
  await stage.submit()
  const first = await stage.receiver.nth(2)
  const given = await stage.settled(first)
  assert.equal(given.state, 'exhausted')
  stage.receiver.answers({ status: 200 })
  const replay = async (body?: object) => {
    const answer = await post<{ count: number }>(stage, id, 'replay', body)
    assert.equal(answer.status, 202, answer.text)
    return answer.body.count
  }
  const later = new Date(Date.parse(String(given.event_at)) + 1).toISOString()
  assert.equal(await replay({ since: later }), 0)
  assert.equal(await replay({ until: given.event_at }), 0)
  assert.equal(await replay({ types: ['model.*'] }), 0)
  assert.equal(await replay({ since: given.event_at, until: later }), 1)
  const second = await stage.receiver.nth(3)
  assert.equal((await stage.settled(second)).state, 'delivered')
  assert.equal(await replay(), 0, 'a test is not replayed, and what was delivered neither')
  assert.equal(await replay({ state: 'all' }), 1)
  const third = await stage.receiver.nth(4)
  for (const { headers, body } of [second, third]) {
    assert.deepEqual([headers['webhook-id'], body], [first.headers['webhook-id'], first.body])
  }
  assert.equal(third.headers['foreman-delivery-attempt'], '3')
  const wrong = [{ since: 'yesterday' }, { state: 'lost' }, { types: ['job.x'] }, { from: later }]
  for (const body of wrong) assertProblem(await post(stage, id, 'replay', body), 422, 'validation_failed')
})

test('what is done to endpoints is in the audit log, with no URL and no secret', async t => {
  const stage = await startStage(t, { auth: {} })
  const token = await stage.token(['webhooks'])
  const { id, secret } = await stage.endpoint({ url: `${stage.receiver.url}?key=hush` }, token)
  const path = `/webhook-endpoints/${id}`
  const tried = await stage.ask<ShownDelivery>('POST', `${path}/test`, { token, ...waiting })
  await stage.ask('PATCH', path, { token, body: { description: 'x' } })
  for (const action of ['disable', 'enable', 'secret/rotate', 'replay'])
    await stage.ask('POST', `${path}/${action}`, { token })
  await stage.ask('POST', `/webhook-deliveries/${tried.body.id}/redeliver`, { token })
  await stage.ask('POST', '/webhook-secret/rotate', { token })
  await stage.ask('DELETE', path, { token })
  const { text, body } = await stage.ask<{ data: { action: string; object: string; result: string }[] }>(
    'GET',
    '/audit?limit=100'
  )
  const told = body.data.filter(({ action }) => action.startsWith('webhook_')).toReversed()
  assert.deepEqual(
    told.map(({ action }) => action),
    [
      ...['create', 'test', 'update', 'disable', 'enable', 'rotate', 'replay'].map(
        name => `webhook_endpoint.${name}`
      ),
      ...['webhook_delivery.redeliver', 'webhook_secret.rotate', 'webhook_endpoint.delete']
    ]
  )
  assert.deepEqual([...new Set(told.map(({ result }) => result))], ['ok'])
  assert.equal(told.filter(({ object }) => object === id).length, 8)
  assert.ok(!text.includes('hush') && !text.includes(secret))
})
