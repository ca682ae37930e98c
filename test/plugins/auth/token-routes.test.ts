/** `/tokens` and `/whoami` over real sockets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AuthStage, startStage } from './stage.ts'

type Body = Record<string, unknown>

/** Asks as the administrator and reads the answer. */
async function read(stage: AuthStage, method: string, path: string, body?: unknown, token = stage.admin) {
  const answer = await stage.ask(token, method, path, body)
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text, body: JSON.parse(text) as Body }
}

const limits = {
  models: ['llama3.2', 'qwen*'],
  top_priority: 'normal',
  requests_per_minute: 600,
  jobs_per_minute: 60,
  max_queued: 100,
  addresses: ['127.0.0.0/8']
}

test('a token is told once, in an answer that nothing may keep, and is good at once', async t => {
  const stage = await startStage(t)
  const expires_at = new Date(Date.now() + 3_600_000).toISOString()
  const made = await read(stage, 'POST', '/tokens', {
    name: 'ci',
    scopes: ['jobs:read', 'inference', 'inference'],
    limits,
    expires_at
  })
  assert.equal(made.status, 201)
  const { token, ...shown } = made.body
  assert.match(String(token), /^fm_[0-9a-z]{26}_[0-9A-Za-z]{38}$/)
  assert.equal(made.headers.get('location'), `/tokens/${shown.id}`)
  assert.equal(made.headers.get('cache-control'), 'no-store')
  const { id, created_at, ...rest } = shown
  assert.ok(Math.abs(Date.parse(String(created_at)) - Date.now()) < 60_000)
  assert.deepEqual(rest, {
    ...{ name: 'ci', kind: 'secret', owner: id, limits, expires_at },
    scopes: ['inference', 'jobs:read'],
    ...{ revoked_at: null, last_used_at: null, replaced_by: null }
  })
  assert.deepEqual((await read(stage, 'GET', `/tokens/${id}`)).body, shown)
  const list = await read(stage, 'GET', '/tokens')
  assert.deepEqual((list.body.data as Body[])[1], shown)
  assert.doesNotMatch(list.text, /digest|secret_|fm_/)
  const who = await read(stage, 'GET', '/whoami', undefined, String(token))
  assert.deepEqual(who.body, {
    ...{ id, name: 'ci', owner: id, limits, expires_at },
    scopes: ['inference', 'models:read', 'jobs:read']
  })
  const used = await read(stage, 'GET', `/tokens/${id}`)
  assert.ok(Math.abs(Date.parse(String(used.body.last_used_at)) - Date.now()) < 60_000)
})

test('a revocation shows the token as it is then, and another one changes nothing', async t => {
  const stage = await startStage(t)
  const { id, token } = await stage.issue({ name: 'short' })
  const first = await read(stage, 'DELETE', `/tokens/${id}`)
  assert.equal(first.status, 200)
  assert.ok(Math.abs(Date.parse(String(first.body.revoked_at)) - Date.now()) < 60_000)
  assert.deepEqual((await read(stage, 'DELETE', `/tokens/${id}`)).body, first.body)
  const refused = await read(stage, 'GET', '/whoami', undefined, token)
  assert.deepEqual([refused.status, refused.body.code], [401, 'unauthorized'])
})

test('a rotation answers as a creation does, with a day of overlap unless another is asked for', async t => {
  const stage = await startStage(t)
  const overlapOf = async (body?: unknown) => {
    const { id } = await stage.issue({ limits })
    const before = Date.now()
    const made = await read(stage, 'POST', `/tokens/${id}/rotate`, body)
    assert.deepEqual([made.status, made.headers.get('cache-control')], [201, 'no-store'])
    assert.equal(made.headers.get('location'), `/tokens/${made.body.id}`)
    assert.deepEqual([made.body.owner, made.body.limits, made.body.expires_at], [id, limits, null])
    const old = (await read(stage, 'GET', `/tokens/${id}`)).body
    assert.equal(old.replaced_by, made.body.id)
    return Math.floor((Date.parse(String(old.expires_at)) - before) / 1000)
  }
  assert.ok((await overlapOf()) - 86_400 <= 5)
  assert.ok((await overlapOf({})) >= 86_400)
  assert.ok((await overlapOf({ overlap_s: 604_800 })) >= 604_800)
  assert.ok((await overlapOf({ overlap_s: 0 })) <= 5)
})

test('what cannot be rotated is told, with the reason', async t => {
  const stage = await startStage(t)
  const { id } = await stage.issue({})
  await read(stage, 'POST', `/tokens/${id}/rotate`)
  const again = await read(stage, 'POST', `/tokens/${id}/rotate`)
  assert.deepEqual([again.status, again.body.code], [409, 'token_not_rotatable'])
  assert.match(String(again.body.detail), /tok_[0-9a-z]{26} took its place/)
})

test('every fault of a body is told with its place, and nothing is made', async t => {
  const stage = await startStage(t)
  const draft = { name: 'x', scopes: ['inference'] }
  const long = 'x'.repeat(101)
  const wrong: [body: unknown, pointer: string][] = [
    [{ scopes: ['inference'] }, '/name'],
    [{ ...draft, name: '' }, '/name'],
    [{ ...draft, name: long }, '/name'],
    [{ name: 'x' }, '/scopes'],
    [{ ...draft, scopes: [] }, '/scopes'],
    [{ ...draft, scopes: ['inference', 'root'] }, '/scopes/1'],
    [{ ...draft, expires_at: 'soon' }, '/expires_at'],
    [{ ...draft, expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
    [{ ...draft, owner: 'another' }, '/owner'],
    [{ ...draft, limits: { max_jobs: 1 } }, '/limits/max_jobs'],
    [{ ...draft, limits: { models: [] } }, '/limits/models'],
    [{ ...draft, limits: { models: ['a', 'b*c'] } }, '/limits/models/1'],
    [{ ...draft, limits: { top_priority: 'high' } }, '/limits/top_priority'],
    [{ ...draft, limits: { requests_per_minute: 0 } }, '/limits/requests_per_minute'],
    [{ ...draft, limits: { jobs_per_minute: 1.5 } }, '/limits/jobs_per_minute'],
    [{ ...draft, limits: { max_queued: -1 } }, '/limits/max_queued'],
    [{ ...draft, limits: { addresses: ['10.0.0.0/8', '10.0.0.256'] } }, '/limits/addresses/1']
  ]
  for (const [body, pointer] of wrong) {
    const answer = await read(stage, 'POST', '/tokens', body)
    assert.deepEqual([answer.status, answer.body.code], [422, 'validation_failed'], answer.text)
    assert.deepEqual(
      (answer.body.errors as { pointer: string }[]).map(fault => fault.pointer),
      [pointer]
    )
  }
  const { id } = await stage.issue({})
  for (const overlap_s of [-1, 604_801, '1d']) {
    const answer = await read(stage, 'POST', `/tokens/${id}/rotate`, { overlap_s })
    assert.equal(answer.status, 422, answer.text)
  }
  assert.equal(((await read(stage, 'GET', '/tokens')).body.data as Body[]).length, 2)
})

test('a token that is not there is not found, whatever is asked of it', async t => {
  const stage = await startStage(t)
  const routes = [
    ['GET', '/tokens/tok_none'],
    ['DELETE', '/tokens/tok_none'],
    ['POST', '/tokens/tok_none/rotate']
  ] as const
  for (const [method, path] of routes) {
    const answer = await read(stage, method, path)
    assert.deepEqual([answer.status, answer.body.code], [404, 'not_found'])
  }
})

test('tokens are for administrators alone, its own included; who one is is told to everybody', async t => {
  const stage = await startStage(t)
  const all = ['inference', 'models:write', 'jobs:write', 'artifacts', 'webhooks', 'metrics']
  const { id, token } = await stage.issue({ scopes: all })
  const routes: [method: string, path: string, body?: unknown][] = [
    ['GET', '/tokens'],
    ['POST', '/tokens', { name: 'more', scopes: ['admin'] }],
    ['GET', `/tokens/${id}`],
    ['DELETE', `/tokens/${id}`],
    ['POST', `/tokens/${id}/rotate`],
    ['GET', '/audit']
  ]
  for (const [method, path, body] of routes) {
    const refused = await read(stage, method, path, body, token)
    assert.deepEqual([refused.status, refused.body.code], [403, 'insufficient_scope'], path)
    assert.equal((await stage.ask(undefined, method, path, body)).status, 401, path)
  }
  assert.equal((await stage.ask(token, 'GET', '/whoami')).status, 200)
  assert.equal((await stage.ask(undefined, 'GET', '/whoami')).status, 401)
})

test('a token is refused outside its addresses, and taken within', async t => {
  const stage = await startStage(t)
  const status = async (addresses: string[]) =>
    (await stage.ask((await stage.issue({ limits: { addresses } })).token, 'GET', '/whoami')).status
  assert.deepEqual([await status(['10.0.0.0/8', '::1']), await status(['127.0.0.1'])], [403, 200])
})
