/** The trace of a job in what is told of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spawnForeman } from '../../helpers/foreman.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { speaker } from '../jobs/stage.ts'
import { startReceiver } from './receiver.ts'
import { type Received, startStage } from './stage.ts'

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const body = { model: 'alpha', prompt: 'hello' }

/** The type and the trace of each message, in the order in which they came. */
function tracesOf(requests: readonly Received[]): unknown[][] {
  return requests.map(({ json, headers }) => [json.type, headers.traceparent])
}

test('every message of a job has its traceparent, whoever it goes to, and nothing else of its request', async t => {
  const stage = await startStage(t)
  const { url } = stage.receiver
  for (const [path, form] of [
    ['standing', {}],
    ['event', { format: 'cloudevents', payload: 'thin' }]
  ] as const)
    await stage.endpoint({ url: `${url}/${path}`, ...form })
  const headers = { traceparent, tracestate: 'a=1', baggage: 'b=2', 'x-mark': 'me' }
  await stage.ask('POST', '/jobs', { body: { ...body, state_webhook_url: `${url}/own` }, headers })
  await stage.receiver.nth(12)
  const types = ['job.queued', 'job.loading', 'job.working', 'job.done']
  const at = (path: string) => stage.receiver.requests.filter(one => one.path === `/hook/${path}`)
  for (const path of ['own', 'standing']) {
    assert.deepEqual(
      tracesOf(at(path)),
      types.map(type => [type, traceparent]),
      path
    )
  }
  assert.deepEqual(
    tracesOf(at('event')),
    types.map(type => [`foreman.${type}`, traceparent])
  )
  for (const received of stage.receiver.requests) {
    const { tracestate, baggage, 'x-mark': mark } = received.headers
    assert.deepEqual([tracestate, baggage, mark], [undefined, undefined, undefined])
  }
})

test('other messages have none: of a job without, with one that cannot be read, and of no job', async t => {
  const stage = await startStage(t)
  const { id } = await stage.endpoint({ events: ['job.done', 'webhook_endpoint.test'] })
  const given: Record<string, string>[] = [{}, { traceparent: `${traceparent}-canary` }, { traceparent }]
  for (const headers of given)
    await stage.ended((await stage.ask<{ id: string }>('POST', '/jobs', { body, headers })).body.id)
  await stage.receiver.nth(3)
  await stage.ask('POST', `/webhook-endpoints/${id}/test`, { headers: { traceparent } })
  await stage.receiver.nth(4)
  const traces = tracesOf(stage.receiver.requests)
  assert.deepEqual(
    traces.filter(([type]) => type === 'webhook_endpoint.test'),
    [['webhook_endpoint.test', undefined]]
  )
  assert.deepEqual(
    traces.filter(([, value]) => value !== undefined),
    [['job.done', traceparent]]
  )
})

test('each line of many has it, and what its receiver says of it is shown', async t => {
  const stage = await startStage(t, { webhooks: { retry_schedule_s: [] } })
  stage.receiver.answers(({ headers }) => ({ status: 500, body: `no ${headers.traceparent}` }))
  const webhook = { url: stage.receiver.url, events: ['job.queued'] }
  const line = JSON.stringify({ ...body, webhook })
  const headers = { 'content-type': 'application/x-ndjson', traceparent }
  await fetch(`${stage.url}/jobs`, { method: 'POST', headers, body: `${line}\n${line}` })
  await stage.receiver.nth(2)
  assert.deepEqual(tracesOf(stage.receiver.requests), Array(2).fill(['job.queued', traceparent]))
  const { attempts } = await stage.settled(stage.receiver.requests[0]!)
  assert.equal(attempts[0]!.response, `no ${traceparent}`)
})

test('a job killed at work, and a message killed on its way, come again with it', async t => {
  const [fake, receiver] = await Promise.all([startFake(t, { token_delay_ms: 60_000 }), startReceiver(t)])
  const settings = withShortPauses({ plugins: { webhooks: { allow: [receiver.allow] } } })
  const first = await spawnForeman(t, { target: fake.url, settings })
  const webhook = { url: receiver.url, events: ['job.done'] }
  const again = { target: fake.url, settings, dataDir: first.dataDir }
  const headers = { traceparent }
  const handed = await speaker(first.url).ask('POST', '/jobs', { body: { ...body, webhook }, headers })
  assert.equal(handed.status, 202, handed.text)
  await fake.waitFor('generation_start')
  await first.kill()
  await fake.configure({ token_delay_ms: 0 })
  // The first message has no answer before foreman is gone.
  receiver.answers(() => new Promise(() => {}))
  const second = await spawnForeman(t, again)
  await receiver.nth(1)
  await second.kill()
  receiver.answers({})
  await spawnForeman(t, again)
  await receiver.nth(2)
  const [before, after] = receiver.requests
  assert.deepEqual(tracesOf([before!, after!]), Array(2).fill(['job.done', traceparent]))
  assert.equal(before!.headers['webhook-id'], after!.headers['webhook-id'])
  const calls = (await fake.state()).requests.filter(({ url, body_base64 }) => {
    return url === '/api/generate' && Buffer.from(body_base64, 'base64').includes('hello')
  })
  assert.equal(calls.length, 2)
  for (const call of calls) assert.ok(call.headers.includes(traceparent))
})
