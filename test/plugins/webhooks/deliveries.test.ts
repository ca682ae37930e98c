/** The delivery log: what was sent to whom, what they said to it, and once more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, assertProblem, type ShownDelivery, type Stage, startStage } from './stage.ts'

interface Page {
  readonly data: readonly ShownDelivery[]
  readonly has_more: boolean
  readonly next_cursor: string | null
}

/** No second attempt within a test. */
const patient = { retry_schedule_s: [3600] }

async function pageOf(stage: Stage, query: string, token?: string) {
  const answer = await stage.ask<Page>(
    'GET',
    `/webhook-deliveries?${query}`,
    token === undefined ? {} : { token }
  )
  assert.equal(answer.status, 200, answer.text)
  return { ...answer.body, link: answer.headers.get('link') }
}

const idsOf = ({ data }: Pick<Page, 'data'>) => data.map(({ id }) => id)

/** One job, when as many messages about it were taken as there are: its model is loaded once. */
async function toldJob(stage: Stage, before = 0): Promise<string> {
  const { id } = await stage.submit()
  const count = before === 0 ? 4 : 3
  for (let n = 1; n <= count; n++) await stage.settled(await stage.receiver.nth(before + n))
  return id
}

test('deliveries come page by page, the newest first, and by what they are about', async t => {
  const stage = await startStage(t)
  const endpoint = await stage.endpoint()
  const first = await toldJob(stage)
  const second = await toldJob(stage, 4)
  const all = await pageOf(stage, '')
  const told = (id: string, ...states: string[]) => states.map(state => [id, `job.${state}`])
  assert.deepEqual(
    all.data.map(({ job_id, event_type }) => [job_id, event_type]),
    [...told(second, 'done', 'working', 'queued'), ...told(first, 'done', 'working', 'loading', 'queued')]
  )
  assert.deepEqual([all.has_more, all.next_cursor, all.link], [false, null, null])
  assert.ok(all.data.every(one => one.attempts === undefined && one.attempt_count === 1))

  const pages: string[][] = []
  let path: string | undefined = '/webhook-deliveries?limit=3&state=delivered'
  while (path !== undefined) {
    const answer: Answer<Page> = await stage.ask<Page>('GET', path)
    pages.push(idsOf(answer.body))
    path = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1]
    assert.equal(path !== undefined, answer.body.has_more)
  }
  assert.deepEqual(
    pages.map(page => page.length),
    [3, 3, 1]
  )
  assert.deepEqual(pages.flat(), idsOf(all))

  assert.deepEqual(idsOf(await pageOf(stage, `job_id=${first}`)), idsOf(all).slice(3))
  assert.deepEqual(idsOf(await pageOf(stage, `endpoint_id=${endpoint.id}`)), idsOf(all))
  for (const query of ['endpoint_id=whe_x', 'job_id=job_x', 'state=held', 'state=in_flight'])
    assert.deepEqual(idsOf(await pageOf(stage, query)), [], query)
  for (const query of ['limit=0', 'limit=101', 'state=lost', 'endpoint=x'])
    assertProblem(await stage.ask('GET', `/webhook-deliveries?${query}`), 422, 'validation_failed')
})

test('what is rare is found behind much that is not', async t => {
  const stage = await startStage(t)
  await stage.endpoint()
  const job = await toldJob(stage)
  const rare = idsOf(await pageOf(stage, `job_id=${job}&limit=1`))
  const { db } = stage.app
  // Far behind the newest, as after a long time.
  db.prepare('DELETE FROM webhook_attempt').run()
  db.prepare('UPDATE webhook_delivery SET seq = seq + 45000 WHERE id <> ?').run(rare[0])
  db.prepare("UPDATE webhook_delivery SET state = 'exhausted' WHERE id = ?").run(rare[0])
  assert.deepEqual(idsOf(await pageOf(stage, 'state=exhausted')), rare)
  assert.equal((await pageOf(stage, '')).data.length, 4)
})

test('a cursor is good for one caller and one list', async t => {
  const stage = await startStage(t, { auth: {} })
  const mine = await stage.token(['webhooks', 'jobs:write', 'jobs:read'])
  const theirs = await stage.token(['webhooks'])
  await stage.endpoint({}, mine)
  await stage.submit({ model: 'alpha', prompt: 'hello' }, mine)
  await stage.submit({ model: 'alpha', prompt: 'hello' }, mine)
  for (let n = 1; n <= 4; n++) await stage.receiver.nth(n)
  const { next_cursor } = await pageOf(stage, 'limit=1', mine)
  assert.equal((await pageOf(stage, `limit=1&cursor=${next_cursor}`, mine)).data.length, 1)
  const jobs = await stage.ask<Page>('GET', '/jobs?limit=1', { token: mine })
  const wrong: [path: string, token: string][] = [
    [`/webhook-deliveries?cursor=${next_cursor}`, theirs],
    [`/webhook-deliveries?cursor=${jobs.body.next_cursor}`, mine],
    [`/jobs?cursor=${next_cursor}`, mine],
    ['/webhook-deliveries?cursor=x', mine]
  ]
  assert.notEqual(jobs.body.next_cursor, null)
  for (const [path, token] of wrong)
    assertProblem(await stage.ask('GET', path, { token }), 400, 'invalid_cursor')
})

test('what was answered is kept as text, and goes with the job', async t => {
  const stage = await startStage(t, { webhooks: patient })
  stage.receiver.answers({ status: 418, body: `tea \u0000 ${'é'.repeat(5000)}` })
  await stage.endpoint({ events: ['job.done'] })
  const { id } = await stage.submit()
  const shown = await stage.settled(await stage.receiver.nth(1))
  const [{ response, ...attempt }] = shown.attempts as [Record<string, unknown>]
  assert.deepEqual([attempt.outcome, attempt.status], ['4xx', 418])
  assert.ok(String(response).startsWith('tea \u0000 éé') && Buffer.byteLength(String(response)) <= 4100)
  assert.deepEqual([shown.state, shown.attempt_count], ['retrying', 1])
  assert.ok(Date.parse(String(shown.next_attempt_at)) > Date.now() + 2_000_000)

  assert.equal((await stage.ask('DELETE', `/jobs/${id}`)).status, 204)
  const after = await stage.delivery(shown.id)
  assert.equal(after.job_id, id)
  assert.deepEqual(
    after.attempts.map(one => [one.status, one.response]),
    [[418, null]]
  )
  const again = await stage.ask('POST', `/webhook-deliveries/${shown.id}/redeliver`)
  assertProblem(again, 410, 'delivery_body_removed')
})

test('a delivery goes once more under its id, whatever became of it', async t => {
  const stage = await startStage(t, { webhooks: patient })
  stage.receiver.answers({ status: 500 })
  await stage.endpoint({ events: ['job.queued'] })
  await stage.submit()
  const first = await stage.receiver.nth(1)
  const { id, state } = await stage.settled(first)
  assert.equal(state, 'retrying')
  stage.receiver.answers({ status: 200 })
  const redeliver = () => stage.ask<ShownDelivery>('POST', `/webhook-deliveries/${id}/redeliver`)
  for (const n of [2, 3]) {
    const answer = await redeliver()
    assert.equal(answer.status, 202)
    assert.equal(answer.body.settled_at, null)
    const again = await stage.receiver.nth(n)
    const shown = await stage.settled(again)
    assert.deepEqual([shown.id, shown.state, shown.attempts.length], [id, 'delivered', n])
    assert.deepEqual(
      [again.headers['webhook-id'], again.headers['foreman-delivery-attempt'], again.body],
      [first.headers['webhook-id'], String(n), first.body]
    )
  }
})

test('addresses are for administrators, and the query of a URL for its owner', async t => {
  const stage = await startStage(t, { auth: {} })
  const mine = await stage.token(['webhooks', 'jobs:write'])
  const url = `${stage.receiver.url}?key=hush`
  await stage.submit({ model: 'alpha', prompt: 'hello', webhook: { url, events: ['job.queued'] } }, mine)
  const { headers } = await stage.receiver.nth(1)
  const asAdmin = await stage.settled({ headers })
  const asOwner = await stage.delivery(asAdmin.id, mine)
  assert.deepEqual([asOwner.url, asOwner.attempts[0]!.address], [url, null])
  assert.deepEqual([asAdmin.url, asAdmin.attempts[0]!.address], [stage.receiver.url, '127.0.0.1'])
  assert.equal(asOwner.endpoint_id, null)
  const theirs = await stage.token(['webhooks'])
  for (const [method, path] of [
    ['GET', ''],
    ['POST', '/redeliver']
  ] as const) {
    const answer = await stage.ask(method, `/webhook-deliveries/${asAdmin.id}${path}`, { token: theirs })
    assertProblem(answer, 404, 'not_found')
  }
  assert.deepEqual((await pageOf(stage, '', theirs)).data, [])
})

test('a receiver that is left in peace is told of with the time it has', async t => {
  const stage = await startStage(t, {
    webhooks: { ...patient, circuit_failures: 1, circuit_probe_s: 86_400 }
  })
  stage.receiver.answers({ status: 500 })
  await stage.endpoint({ events: ['job.queued'] })
  await stage.submit()
  const shown = await stage.settled(await stage.receiver.nth(1))
  assert.ok(Date.parse(String(shown.next_attempt_at)) > Date.now() + 80_000_000)
})

test('what a receiver echoes of its secrets is not kept', async t => {
  const stage = await startStage(t)
  const { receiver } = stage
  receiver.answers(({ path, headers }) => ({
    status: 500,
    body: `${path} ${headers['x-key']} ${headers['x-n']}`
  }))
  const { id } = await stage.endpoint({
    url: `${receiver.url}?key=hush-hush`,
    headers: { 'x-key': 'Bearer $& abc', 'x-n': '1' }
  })
  const { body } = await stage.ask<ShownDelivery>('POST', `/webhook-endpoints/${id}/test`, {
    headers: { prefer: 'wait=20' }
  })
  assert.equal(body.attempts[0]!.response, '/hook?[redacted] [redacted] 1')
})
