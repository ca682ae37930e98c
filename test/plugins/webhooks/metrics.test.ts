import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../../../core/app.ts'
import { DeliveryLog } from '../../../plugins/webhooks/delivery-log.ts'
import { statementsOf } from '../../core/jobs/plans.ts'
import { settingsOf } from '../../helpers/foreman.ts'
import { type Scrape, scrape } from '../metrics/scrape.ts'
import { openParts } from './parts.ts'
import { type Receiver, type Stage, startStage } from './stage.ts'

const outcomes = [
  '2xx',
  '3xx',
  '4xx',
  '410',
  '429',
  '5xx',
  'timeout',
  'dns',
  'connect',
  'tls',
  'ssrf_blocked'
]
const results = ['delivered', 'exhausted', 'superseded', 'refused']
/** One attempt alone. */
const once = { retry_schedule_s: [] }
/** A failed attempt is for the rest of the test to be tried again. */
const later = { retry_schedule_s: [3600] }

const job = (url: string, events = ['job.done']) => ({
  model: 'alpha',
  prompt: 'x',
  webhook: { url, events }
})

const attemptsOf = ({ value }: Scrape) =>
  Object.fromEntries(outcomes.map(outcome => [outcome, value('foreman_webhook_attempts_total', { outcome })]))

const resultsOf = ({ value }: Scrape) =>
  Object.fromEntries(results.map(result => [result, value('foreman_webhook_deliveries_total', { result })]))

const zero = (names: readonly string[]) => Object.fromEntries(names.map(name => [name, 0]))

const patienceMs = 20_000

/** Resolves when so many more attempts are over and written down. To be called before they begin. @throws {Error} after 20 s */
function attempts({ telemetry }: FastifyInstance, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = count
    const timer = setTimeout(() => reject(new Error(`${left} of ${count} attempts are missing`)), patienceMs)
    telemetry.on('webhookAttempt', () => {
      left -= 1
      if (left > 0) return
      clearTimeout(timer)
      // What else is told of the last one is told in this turn.
      setImmediate(resolve)
    })
  })
}

/** A port that nothing listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

const urlOf = ({ port }: Receiver, path: string) => `http://127.0.0.1:${port}${path}`

test('every series is there from the start, at zero', async t => {
  const { url } = await startStage(t)
  const seen = await scrape(url)
  assert.deepEqual(attemptsOf(seen), zero(outcomes))
  assert.deepEqual(resultsOf(seen), zero(results))
  const count = (name: string) => [...seen.samples.keys()].filter(key => key.startsWith(`${name}{`)).length
  assert.equal(count('foreman_webhook_attempts_total'), outcomes.length)
  assert.equal(count('foreman_webhook_deliveries_total'), results.length)
  for (const name of ['attempt_duration_seconds', 'delivery_lag_seconds'])
    assert.equal(seen.value(`foreman_webhook_${name}_count`), 0, name)
  for (const name of ['pending', 'oldest_pending_age_seconds'])
    assert.equal(seen.value(`foreman_webhook_${name}`), 0, name)
  const endpoints = ['enabled', 'disabled'].map(state => seen.value('foreman_webhook_endpoints', { state }))
  assert.deepEqual(endpoints, [0, 0])
})

/** A histogram holds what was told, which is in ms; a sum may differ in its last digits. */
function assertSeconds({ value }: Scrape, name: string, toldMs: readonly number[]): void {
  assert.equal(value(`foreman_webhook_${name}_count`), toldMs.length)
  const told = toldMs.reduce((sum, ms) => sum + ms, 0) / 1000
  const seen = value(`foreman_webhook_${name}_sum`)!
  assert.ok(Math.abs(seen - told) < 1e-6, `${seen} s, and ${told} s were told`)
}

test('attempts by what came of them, deliveries by how they ended, and how late the taken one was', async t => {
  const nobody = await closedPort()
  const webhooks = { ...once, allow: [`127.0.0.1:${nobody}`] }
  const { app, receiver, submit, url } = await startStage(t, { webhooks })
  const [tookMs, lagMs]: [number[], number[]] = [[], []]
  app.telemetry.on('webhookAttempt', (_outcome, ms) => tookMs.push(ms))
  app.telemetry.on('webhookDelivered', ms => lagMs.push(ms))
  const statuses: Readonly<Record<string, number>> = {
    '/taken': 204,
    '/moved': 302,
    '/gone': 410,
    '/busy': 429,
    '/wrong': 404,
    '/broken': 500
  }
  // From the event to the answer, by the clock of this process.
  let answeredMs = 0
  receiver.answers(({ path, json }) => {
    if (path === '/taken') answeredMs = Date.now() - Date.parse(json.timestamp)
    return { status: statuses[path]!, headers: { location: '/' } }
  })
  const over = attempts(app, 8)
  for (const path of Object.keys(statuses)) await submit(job(urlOf(receiver, path)))
  await submit(job(`http://127.0.0.1:${nobody}/`))
  await submit(job(`https://127.0.0.1:${receiver.port}/`))
  await over
  const seen = await scrape(url)
  assert.deepEqual(attemptsOf(seen), {
    ...Object.fromEntries(outcomes.map(outcome => [outcome, 1])),
    ...zero(['timeout', 'dns', 'ssrf_blocked'])
  })
  assert.deepEqual(resultsOf(seen), { ...zero(results), delivered: 1, exhausted: 7 })
  assert.equal(tookMs.length, 8)
  assertSeconds(seen, 'attempt_duration_seconds', tookMs)
  assert.ok(lagMs[0]! >= answeredMs, `${lagMs[0]} ms, and it was answered after ${answeredMs} ms`)
  assertSeconds(seen, 'delivery_lag_seconds', lagMs)
  assert.equal(seen.value('foreman_webhook_pending'), 0)
  assert.equal(seen.value('foreman_webhook_oldest_pending_age_seconds'), 0)
})

test('an attempt that is given up is counted with the time that it had', async t => {
  const { app, receiver, submit, url } = await startStage(t, { webhooks: { ...once, timeout_s: 0.5 } })
  receiver.answers(() => new Promise(() => {}))
  const tookMs: number[] = []
  app.telemetry.on('webhookAttempt', (_outcome, ms) => tookMs.push(ms))
  const over = attempts(app, 1)
  await submit(job(receiver.url))
  await over
  const seen = await scrape(url)
  assert.deepEqual(attemptsOf(seen), { ...zero(outcomes), timeout: 1 })
  assert.deepEqual(resultsOf(seen), { ...zero(results), exhausted: 1 })
  assert.ok(tookMs[0]! >= 499, `${tookMs[0]} ms`)
  assertSeconds(seen, 'attempt_duration_seconds', tookMs)
})

test('what is to be tried again is pending, and its age grows until it is taken', async t => {
  const { app, receiver, submit, ask, url } = await startStage(t, { webhooks: later })
  receiver.answers({ status: 500 })
  const failed = attempts(app, 2)
  const began = Date.now()
  for (const path of ['/a', '/b']) await submit(job(urlOf(receiver, path)))
  await failed
  const [first, second] = [await scrape(url), await scrape(url)]
  const age = ({ value }: Scrape) => value('foreman_webhook_oldest_pending_age_seconds')!
  assert.equal(first.value('foreman_webhook_pending'), 2)
  const mostS = (Date.now() - began) / 1000
  assert.ok(age(first) > 0 && age(second) > age(first) && age(second) <= mostS, `${age(second)} s`)
  assert.deepEqual(resultsOf(second), zero(results))
  receiver.answers({})
  const taken = attempts(app, 2)
  const { body } = await ask<{ data: { id: string }[] }>('GET', '/webhook-deliveries')
  for (const { id } of body.data) await ask('POST', `/webhook-deliveries/${id}/redeliver`)
  await taken
  const after = await scrape(url)
  assert.deepEqual([after.value('foreman_webhook_pending'), age(after)], [0, 0])
  assert.deepEqual(resultsOf(after), { ...zero(results), delivered: 2 })
})

test('a message that failed is superseded by the end of its job', async t => {
  const { app, receiver, submit, url } = await startStage(t, { webhooks: later })
  receiver.answers(({ json }) => ({ status: json.type === 'job.done' ? 204 : 500 }))
  const over = attempts(app, 2)
  await submit(job(receiver.url, ['job.queued', 'job.done']))
  await over
  const seen = await scrape(url)
  assert.deepEqual(resultsOf(seen), { ...zero(results), delivered: 1, superseded: 1 })
  assert.deepEqual(attemptsOf(seen), { ...zero(outcomes), '2xx': 1, '5xx': 1 })
})

test('a receiver that is not allowed any more is refused, and that is counted', async t => {
  const first = await startStage(t, { webhooks: { retry_schedule_s: [1] } })
  first.receiver.answers({ status: 500 })
  const failed = attempts(first.app, 1)
  await first.submit(job(first.receiver.url))
  await failed
  await first.app.close()
  const app = await restart(t, first)
  const refused = attempts(app, 1)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  await refused
  const seen = await scrape(url)
  assert.deepEqual(attemptsOf(seen), { ...zero(outcomes), ssrf_blocked: 1 })
  assert.deepEqual(resultsOf(seen), { ...zero(results), refused: 1 })
  assert.equal(first.receiver.requests.length, 1)
})

/** Another foreman on the same data, without what was allowed; it does not listen yet. */
async function restart(t: TestContext, { dataDir, fake }: Stage): Promise<FastifyInstance> {
  const app = await buildApp(settingsOf(dataDir, fake.url))
  t.after(() => app.close())
  return app
}

test('endpoints by whether they are disabled; what is held for one is neither pending nor over', async t => {
  const { app, receiver, endpoint, submit, ended, url } = await startStage(t)
  await endpoint({ url: urlOf(receiver, '/well'), events: ['job.done'] })
  await endpoint({ url: urlOf(receiver, '/gone'), events: ['job.done'] })
  receiver.answers(({ path }) => ({ status: path === '/gone' ? 410 : 204 }))
  const endpoints = ({ value }: Scrape) =>
    ['enabled', 'disabled'].map(state => value('foreman_webhook_endpoints', { state }))
  assert.deepEqual(endpoints(await scrape(url)), [2, 0])
  const first = attempts(app, 2)
  await submit({ model: 'alpha', prompt: 'x' })
  await first
  const after = await scrape(url)
  assert.deepEqual(endpoints(after), [1, 1])
  assert.deepEqual(resultsOf(after), { ...zero(results), delivered: 1, exhausted: 1 })
  const second = attempts(app, 1)
  await ended((await submit({ model: 'alpha', prompt: 'y' })).id)
  await second
  const held = await scrape(url)
  assert.equal(held.value('foreman_webhook_pending'), 0)
  assert.deepEqual(resultsOf(held), { ...zero(results), delivered: 2, exhausted: 1 })
})

test('a scrape reads one number and one end of an index, however much is to be delivered', t => {
  const { db, clock, tell } = openParts(t)
  const statements = statementsOf(db, () => new DeliveryLog(db))
  const plan = (what: RegExp) => {
    const sql = `EXPLAIN QUERY PLAN ${statements.find(statement => what.test(statement))}`
    return (db.prepare(sql).all() as { detail: string }[]).map(({ detail }) => detail)
  }
  assert.deepEqual(plan(/webhook_total/), ['SCAN webhook_total'])
  // Where `min` is of the first column of an index SQLite takes its first entry alone.
  const first = 'SEARCH webhook_delivery USING INDEX webhook_delivery_oldest'
  assert.deepEqual(plan(/min\(queued_at\)/), [first])
  const [log, since] = [new DeliveryLog(db), clock.now]
  for (const host of ['a.example', 'b.example', 'c.example']) {
    tell(undefined, host)
    clock.now += 1000
  }
  assert.deepEqual([log.open(), log.oldestOpen()], [3, since])
})
