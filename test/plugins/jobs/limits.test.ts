/** What a caller may not go beyond, on every way to hand a durable job in. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Caller, Limits } from '../../../core/access/caller.ts'
import { withImplied } from '../../../core/access/scopes.ts'
import { RunTimeoutError } from '../../../core/errors.ts'
import { bulk } from './line-client.ts'
import { type Answer, assertProblem, chatBody, type Problem, type Stage, startStage } from './stage.ts'

/** A stage whose callers have what `limits` says at the moment; `x-owner` tells who calls. */
async function startLimited(t: TestContext, limits: Limits & Pick<Caller, 'countJob'>): Promise<Stage> {
  const stage = await startStage(t, { models: [{ name: 'alpha' }, { name: 'beta' }] })
  stage.app.access.identifyBy(({ headers }) => ({
    owner: String(headers['x-owner'] ?? 'ann'),
    scopes: withImplied(['jobs:read', 'jobs:write', 'inference']),
    limits,
    countJob: limits.countJob
  }))
  return stage
}

const respondAsync = { prefer: 'respond-async' }
const beta = { ...chatBody, model: 'beta' }

/** A job that has ended and may be done again. */
async function canceled(stage: Stage, body: object = chatBody): Promise<string> {
  stage.app.queue.pause()
  const { id } = await stage.submit({ ...body })
  await stage.ask('POST', `/jobs/${id}/cancel`)
  stage.app.queue.resume()
  return id
}

test('a model that is not on the list makes no job, on any way in', async t => {
  const limits: { models?: string[] } = {}
  const stage = await startLimited(t, limits)
  const old = await canceled(stage, beta)
  limits.models = ['library/alpha:latest']

  const single = await stage.ask<Problem>('POST', '/jobs', { body: beta })
  assert.match(assertProblem(single, 403, 'model_not_allowed').detail, /^model 'beta' is not one of those/)
  assertProblem(await stage.ask('POST', `/jobs/${old}/retry`), 403, 'model_not_allowed')
  const native = await stage.ask<{ error: string }>('POST', '/api/chat', {
    body: beta,
    headers: respondAsync
  })
  assert.equal(native.status, 403)
  assert.match(native.body.error, /^model 'beta' is not/)
  // It is not told whether there is such a model.
  assertProblem(
    await stage.ask('POST', '/jobs', { body: { ...beta, model: 'nobody' } }),
    403,
    'model_not_allowed'
  )
  const [refused, taken] = await bulk(stage, [beta, chatBody])
  assert.equal(refused!.error?.code, 'model_not_allowed')
  assert.equal((await stage.ended(taken!.id!)).state, 'done')
  assert.equal((await stage.fake.state()).loads_by_model['beta:latest'], undefined)
})

test('a priority above the top is refused where it is asked for, and lowered where nobody asked', async t => {
  const limits: Limits & { topPriority?: 'batch' } = {}
  const stage = await startLimited(t, limits)
  const old = await canceled(stage)
  Object.assign(limits, { topPriority: 'batch' })

  const above = { ...chatBody, priority: 'normal' }
  const refused = assertProblem(
    await stage.ask('POST', '/jobs', { body: above }),
    403,
    'priority_not_allowed'
  )
  assert.match(refused.detail, /its highest is batch$/)
  const headers = { ...respondAsync, 'foreman-priority': 'interactive' }
  assert.equal((await stage.ask('POST', '/api/chat', { body: chatBody, headers })).status, 403)
  const [line, lowered] = await bulk(stage, [above, chatBody])
  assert.equal(line!.error?.code, 'priority_not_allowed')
  const native = await stage.ask('POST', '/api/chat', { body: chatBody, headers: respondAsync })
  const single = await stage.submit()
  const again = await stage.ask('POST', `/jobs/${old}/retry`)
  const taken = [native.body, single, again.body, await stage.ended(lowered!.id!)]
  assert.deepEqual(
    taken.map(job => job.priority),
    ['batch', 'batch', 'batch', 'batch']
  )
})

function assertQuota(answer: Answer<unknown>): void {
  const problem = assertProblem(answer, 429, 'queue_quota_exceeded') as Problem & Record<string, unknown>
  assert.equal(problem.type, 'https://iana.org/assignments/http-problem-types#quota-exceeded')
  assert.deepEqual(problem['violated-policies'], ['queued'])
  const retryAfterS = Number(answer.headers.get('retry-after'))
  assert.ok(retryAfterS >= 1 && retryAfterS <= 30, String(retryAfterS))
}

test('one job more than may wait is refused on every way in, and there is room when one has started', async t => {
  const stage = await startLimited(t, { maxQueued: 3 })
  const old = await canceled(stage)
  stage.app.queue.pause()
  const first = await stage.submit()
  const headers = { 'x-owner': 'bob' }
  // Those of others take nothing from it.
  assert.equal((await stage.ask('POST', '/jobs', { body: chatBody, headers })).status, 202)
  const lines = await bulk(stage, [chatBody, chatBody, chatBody])
  assert.deepEqual(
    lines.map(({ error }) => error?.code),
    [undefined, undefined, 'queue_quota_exceeded']
  )
  assertQuota(await stage.ask('POST', '/jobs', { body: chatBody }))
  assertQuota(await stage.ask('POST', `/jobs/${old}/retry`))
  const native = await stage.ask<{ error: string }>('POST', '/api/chat', {
    body: chatBody,
    headers: respondAsync
  })
  assert.equal(native.status, 429)
  assert.equal(native.headers.get('foreman-error-code'), 'queue_quota_exceeded')
  assert.match(native.body.error, /^server busy, please try again\. {2}maximum pending requests/)
  assert.equal((await stage.ask('POST', '/jobs', { body: chatBody, headers })).status, 202)

  await stage.ask('POST', `/jobs/${first.id}/cancel`)
  assert.equal((await stage.ask('POST', `/jobs/${old}/retry`)).status, 202)
  assertQuota(await stage.ask('POST', '/jobs', { body: chatBody }))
})

test('jobs that arrive together share one room, and a repeated key takes none', async t => {
  const stage = await startLimited(t, { maxQueued: 2 })
  stage.app.queue.pause()
  const keyed = { request: chatBody, idempotency_key: 'same' }
  const lines = await bulk(stage, [keyed, keyed, keyed, chatBody, chatBody])
  assert.deepEqual(
    lines.map(({ error, replayed }) => error?.code ?? replayed ?? 'new'),
    ['new', true, true, 'new', 'queue_quota_exceeded']
  )
  const others = await Promise.all(
    Array.from({ length: 5 }, () =>
      stage.ask('POST', '/jobs', { body: chatBody, headers: { 'x-owner': 'bob' } })
    )
  )
  assert.deepEqual(others.map(({ status }) => status).toSorted(), [202, 202, 429, 429, 429])
})

test('a job that may not run yet takes its part of the share', async t => {
  const stage = await startLimited(t, { maxQueued: 2 })
  stage.app.queue.pause()
  await stage.submit()
  await stage.submit({ ...chatBody, not_before: new Date(Date.now() + 60_000).toISOString() })
  assert.equal(stage.app.queueDepth.ofOwner('ann'), 2)
  assertQuota(await stage.ask('POST', '/jobs', { body: chatBody }))
})

test('whoever counts the jobs of a caller hears of each that comes in, and may refuse it', async t => {
  let left = 4
  const countJob = () => {
    if (left === 0) throw new RunTimeoutError(1)
    left -= 1
  }
  const stage = await startLimited(t, { countJob, models: ['alpha'] })
  // What is refused for another reason is not counted.
  assert.equal((await stage.ask('POST', '/jobs', { body: beta })).status, 403)
  const headers = { 'idempotency-key': 'one' }
  assert.equal((await stage.ask('POST', '/jobs', { body: chatBody, headers })).status, 202)
  assert.equal((await stage.ask('POST', '/jobs', { body: chatBody, headers })).status, 200)
  assert.equal(left, 3)
  await stage.ask('POST', '/api/chat', { body: chatBody, headers: respondAsync })
  assert.equal(left, 2)
  const lines = await bulk(stage, [chatBody, chatBody, chatBody])
  assert.deepEqual(
    lines.map(({ error }) => error?.code),
    [undefined, undefined, 'run_timeout']
  )
})
