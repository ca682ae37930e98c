import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { withImplied } from '../../../core/access/scopes.ts'
import { type Quotas, type RatedCaller, Rates } from '../../../plugins/auth/rates.ts'
import { begin } from '../../differential/raw-client.ts'
import { bulk } from '../jobs/line-client.ts'
import { assertProblem, chatBody, type Problem, type Stage, startStage } from '../jobs/stage.ts'
import { chat, fault } from '../passthrough/stage.ts'

/** A stage where `x-token` names a token with these limits, on a clock that is set by hand. */
async function startRated(
  t: TestContext,
  limits: Record<string, RatedCaller['limits']>,
  defaults: Quotas = {}
): Promise<Stage & { clock: { now: number } }> {
  const stage = await startStage(t)
  const clock = { now: 1000 }
  const rates = new Rates({ defaults, depth: stage.app.queueDepth, now: () => clock.now })
  stage.app.access.identifyBy(({ headers }, reply) => {
    const name = String(headers['x-token'] ?? 'tok')
    const scopes = withImplied(name === 'root' ? ['admin'] : ['jobs:read', 'jobs:write', 'inference'])
    return rates.admit({ owner: 'ann', tokenId: name, scopes, limits: limits[name] ?? {} }, reply)
  })
  return { ...stage, clock }
}

const policyOf = ({ headers }: { headers: Headers }) => headers.get('ratelimit-policy')
const stateOf = ({ headers }: { headers: Headers }) => headers.get('ratelimit')

test('a token without limits is told of none', async t => {
  const stage = await startRated(t, {})
  const answer = await stage.ask('GET', '/jobs')
  assert.deepEqual([answer.status, policyOf(answer), stateOf(answer)], [200, null, null])
})

test('every answer tells what a token may and what is left, jobs as they are made', async t => {
  const limits = { tok: { requestsPerMinute: 600, jobsPerMinute: 60, maxQueued: 1000 } }
  const { ask, app, clock } = await startRated(t, limits)
  app.queue.pause()
  const policy = '"requests";q=600;w=60, "jobs";q=60;w=60, "queued";q=1000;qu="concurrent-requests"'
  const list = await ask('GET', '/jobs')
  assert.deepEqual(
    [policyOf(list), stateOf(list)],
    [policy, '"requests";r=599;t=60, "jobs";r=60;t=60, "queued";r=1000']
  )
  clock.now += 10_000
  const made = await ask('POST', '/jobs', { body: chatBody })
  assert.equal(made.status, 202)
  assert.equal(stateOf(made), '"requests";r=598;t=50, "jobs";r=59;t=60, "queued";r=1000')
  clock.now += 5500
  const missing = await ask('GET', '/jobs/nobody')
  assert.equal(missing.status, 404)
  assert.equal(stateOf(missing), '"requests";r=597;t=45, "jobs";r=59;t=55, "queued";r=999')
  // The minute of the requests is over, that of the jobs is not.
  clock.now += 44_500
  assert.match(stateOf(await ask('GET', '/jobs'))!, /^"requests";r=599;t=60, "jobs";r=59;t=10,/)
})

function assertLimited(answer: Awaited<ReturnType<Stage['ask']>>, policy: string, afterS: number): void {
  const problem = assertProblem(answer, 429, 'rate_limited') as Problem & Record<string, unknown>
  assert.equal(problem.type, 'https://iana.org/assignments/http-problem-types#quota-exceeded')
  assert.deepEqual(problem['violated-policies'], [policy])
  assert.equal(answer.headers.get('retry-after'), String(afterS))
  assert.match(stateOf(answer)!, new RegExp(`"${policy}";r=0;t=${afterS}`))
}

test('a request more than a minute allows is 429 until the minute is over', async t => {
  const { ask, clock } = await startRated(t, { tok: { requestsPerMinute: 2 } })
  assert.equal((await ask('GET', '/jobs')).status, 200)
  clock.now += 30_000
  assert.equal((await ask('GET', '/jobs')).status, 200)
  assertLimited(await ask('GET', '/jobs'), 'requests', 30)
  // Another token of the same owner has requests of its own.
  assert.equal((await ask('GET', '/jobs', { headers: { 'x-token': 'other' } })).status, 200)
  clock.now += 29_999
  assertLimited(await ask('GET', '/queue'), 'requests', 1)
  clock.now += 1
  assert.equal((await ask('GET', '/jobs')).status, 200)
})

test('each way to make a job counts, and what is no job does not', async t => {
  const { ask, url, app, clock } = await startRated(t, { tok: { jobsPerMinute: 5 } })
  app.queue.pause()
  const first = await ask('POST', '/jobs', { body: chatBody })
  await ask('POST', `/jobs/${first.body.id}/cancel`)
  assert.equal((await ask('POST', `/jobs/${first.body.id}/retry`)).status, 202)
  const headers = { prefer: 'respond-async' }
  const native = await ask('POST', '/api/chat', { body: chatBody, headers })
  assert.match(stateOf(native)!, /"jobs";r=2;/)
  assert.equal((await ask('POST', '/jobs', { body: { ...chatBody, model: 'nobody' } })).status, 422)
  const lines = await bulk({ url }, [chatBody, chatBody, chatBody])
  assert.deepEqual(
    lines.map(({ error }) => error?.code),
    [undefined, undefined, 'rate_limited']
  )
  assertLimited(await ask('POST', '/jobs', { body: chatBody }), 'jobs', 60)
  assertLimited(await ask('POST', `/jobs/${first.body.id}/retry`), 'jobs', 60)
  assert.equal((await ask('GET', '/jobs')).status, 200)
  clock.now += 60_000
  assert.equal((await ask('POST', '/jobs', { body: chatBody })).status, 202)
})

test('calls that hold their connection are jobs: told in their headers, refused in the shape of the route', async t => {
  const { ask, url } = await startRated(t, { tok: { jobsPerMinute: 2, requestsPerMinute: 100 } })
  const call = await ask('POST', '/api/chat', { body: { ...chatBody, stream: false } })
  assert.equal(call.status, 200)
  assert.equal(stateOf(call), '"requests";r=99;t=60, "jobs";r=1;t=60')
  const streamed = begin(url, { ...chat([fault('stall', { after: 1 })], { model: 'alpha' }) })
  const { fields } = await streamed.until(answer => answer.chunks.length === 1)
  streamed.leave()
  assert.ok(fields.some(([name, value]) => name.toLowerCase() === 'ratelimit' && /"jobs";r=0/.test(value)))
  const refused = await ask<{ error: string }>('POST', '/api/chat', { body: chatBody })
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '60'])
  assert.equal(refused.body.error, 'This token may make 2 jobs within a minute; try again in 60 s')
})

test('defaults hold for tokens without limits of their own, and for no admin', async t => {
  const limits = { own: { requestsPerMinute: 9 }, root: {} }
  const { ask } = await startRated(t, limits, { requestsPerMinute: 5, jobsPerMinute: 3 })
  const policyAs = async (token: string) =>
    policyOf(await ask('GET', '/jobs', { headers: { 'x-token': token } }))
  assert.equal(await policyAs('tok'), '"requests";q=5;w=60, "jobs";q=3;w=60')
  assert.equal(await policyAs('own'), '"requests";q=9;w=60, "jobs";q=3;w=60')
  assert.equal(await policyAs('root'), null)
})

test('an admin token is held to the limits that are on it', async t => {
  const { ask } = await startRated(t, { root: { requestsPerMinute: 1 } })
  const headers = { 'x-token': 'root' }
  assert.equal((await ask('GET', '/jobs', { headers })).status, 200)
  assertLimited(await ask('GET', '/jobs', { headers }), 'requests', 60)
})
