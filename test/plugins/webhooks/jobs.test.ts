/** The URL that a job names for its own events: how it is given, and when it is refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertProblem, type Stage, startStage } from './stage.ts'

const body = { model: 'alpha', prompt: 'hello' }
const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`

/** The types of what was told of a job, in order, when its end was. */
async function toldOf(stage: Stage, id: string): Promise<string[]> {
  for (let n = 1; ; n++) {
    const { json } = await stage.receiver.nth(n)
    if (json.data.id === id && json.data.state === 'done') break
  }
  const theirs = stage.receiver.requests.filter(({ json }) => json.data.id === id)
  return theirs.map(({ json }) => json.type)
}

test('a job tells its own URL, in either form', async t => {
  const stage = await startStage(t)
  const { url } = stage.receiver
  const first = await stage.submit({ request: body, webhook: { url } })
  assert.deepEqual(await toldOf(stage, first.id), ['job.queued', 'job.loading', 'job.working', 'job.done'])
  const second = await stage.submit({ ...body, state_webhook_url: url })
  assert.deepEqual(await toldOf(stage, second.id), ['job.queued', 'job.working', 'job.done'])
  const third = await stage.submit({ ...body, webhook: { url, events: ['job.done', 'job.queued'] } })
  assert.deepEqual(await toldOf(stage, third.id), ['job.queued', 'job.done'])
  const { body: shown } = await stage.ask<Record<string, unknown>>('GET', `/jobs/${third.id}`)
  assert.equal(shown.webhook, undefined)
})

test('what is wrong with a webhook is told where it stands, and no job is made', async t => {
  const stage = await startStage(t)
  const { url } = stage.receiver
  const wrong: [fields: object, pointer: string][] = [
    [{ webhook: url }, '/webhook'],
    [{ webhook: {} }, '/webhook/url'],
    [{ webhook: { url: 5 } }, '/webhook/url'],
    [{ webhook: { url, header: {} } }, '/webhook/header'],
    [{ webhook: { url, events: ['job.over'] } }, '/webhook/events'],
    [{ webhook: { url, events: ['model.added'] } }, '/webhook/events'],
    [{ webhook: { url, secret: 'password' } }, '/webhook/secret'],
    [{ webhook: { url, secret: `whsec_${Buffer.alloc(23).toString('base64')}` } }, '/webhook/secret'],
    [{ webhook: { url, secret }, state_webhook_url: url }, '/state_webhook_url'],
    [{ state_webhook_url: '' }, '/state_webhook_url']
  ]
  for (const [fields, pointer] of wrong) {
    const answer = await stage.ask('POST', '/jobs', { body: { request: body, ...fields } })
    const { errors } = assertProblem(answer, 422, 'validation_failed')
    assert.equal(errors![0]!.pointer, pointer, answer.text)
  }
  for (const fields of [
    { webhook: { url: 'https://10.0.0.1/' } },
    { state_webhook_url: 'http://localhost/' }
  ]) {
    const answer = await stage.ask('POST', '/jobs', { body: { request: body, ...fields } })
    assertProblem(answer, 422, 'webhook_url_refused')
  }
  assert.deepEqual((await stage.ask<{ data: object[] }>('GET', '/jobs')).body.data, [])
})

test('of many jobs in one request each has a webhook of its own, and its own refusal', async t => {
  const stage = await startStage(t)
  const { url } = stage.receiver
  const lines = [
    { ...body, webhook: { url: `${url}/1`, events: ['job.done'] } },
    { ...body, webhook: { url: 'https://10.0.0.1/' } },
    { ...body, webhook: { url: `${url}/3`, events: ['job.done'] } }
  ]
  const answer = await fetch(`${stage.url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.map(line => JSON.stringify(line)).join('\n')
  })
  const told = (await answer.text()).trim().split('\n')
  assert.deepEqual(
    told.map(line => JSON.parse(line).error?.code),
    [undefined, 'webhook_url_refused', undefined]
  )
  const paths = [await stage.receiver.nth(1), await stage.receiver.nth(2)].map(({ path }) => path)
  assert.deepEqual(paths.toSorted(), ['/hook/1', '/hook/3'])
})

test('a webhook takes the scope for it, and a retry is told of at the same URL', async t => {
  const stage = await startStage(t, { auth: {} })
  const { url } = stage.receiver
  const webhook = { url, events: ['job.queued'], secret }
  const without = await stage.token(['jobs:write', 'jobs:read'])
  const refused = await stage.ask('POST', '/jobs', { body: { ...body, webhook }, token: without })
  assert.match(assertProblem(refused, 403, 'insufficient_scope').detail, /the scope webhooks,/)
  const token = await stage.token(['jobs:write', 'jobs:read', 'webhooks'])
  const later = new Date(Date.now() + 3_600_000).toISOString()
  const { id } = await stage.submit({ ...body, webhook, not_before: later }, token)
  assert.equal((await stage.receiver.nth(1)).json.data.id, id)
  assert.equal((await stage.ask('POST', `/jobs/${id}/cancel`, { token })).status, 200)
  const again = await stage.ask<{ id: string }>('POST', `/jobs/${id}/retry`, { token })
  assert.equal(again.status, 202, again.text)
  assert.equal((await stage.receiver.nth(2)).json.data.id, again.body.id)
})

test('without the plugin a job that names a webhook is refused, and says why', async t => {
  const stage = await startStage(t, { webhooks: false })
  for (const [fields, pointer] of [
    [{ webhook: { url: 'https://hooks.example.com/' } }, '/webhook'],
    [{ state_webhook_url: 'https://hooks.example.com/' }, '/state_webhook_url']
  ] as const) {
    const answer = await stage.ask('POST', '/jobs', { body: { ...body, ...fields } })
    const { errors } = assertProblem(answer, 422, 'validation_failed')
    assert.equal(errors![0]!.pointer, pointer)
    assert.match(errors![0]!.detail, /needs the plugin webhooks, which is off/)
  }
  await stage.submit(body)
})
