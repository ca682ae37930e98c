import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { Access, addAccess } from '../../../core/access/access.ts'
import { type Caller, soleCaller } from '../../../core/access/caller.ts'
import { type Scope, withImplied } from '../../../core/access/scopes.ts'
import { installErrors } from '../../../core/errors.ts'
import { Telemetry } from '../../../core/telemetry.ts'
import { startForeman } from '../../helpers/foreman.ts'
import { startFake } from '../../strength/support/rig.ts'

const caller = (owner: string, ...scopes: Scope[]): Caller => ({
  owner,
  scopes: withImplied(scopes),
  limits: {}
})

test('every built-in route says who may use it', async t => {
  const fake = await startFake(t)
  const { app } = await startForeman(t, { target: fake.url })
  assert.deepEqual(app.access.silent, [])
  assert.ok(app.hasRoute({ method: 'GET', url: '/jobs' }))
})

test('a route that says nothing needs admin, and scopes come as they are implied', async t => {
  const app = Fastify()
  t.after(() => app.close())
  installErrors(app)
  app.decorate('telemetry', new Telemetry())
  const access = new Access()
  addAccess(app, access)
  app.get('/silent', async () => 'in')
  assert.deepEqual(access.silent, ['GET /silent', 'HEAD /silent'])
  app.get('/models', { config: { access: 'models:read' } }, async () => 'in')
  app.get('/open', { config: { access: 'open' } }, async ({ caller }) => String(caller))
  const statusOf = async (url: string) => (await app.inject(url)).statusCode

  assert.equal(await statusOf('/silent'), 200)
  access.identifyBy(() => caller('somebody', 'inference'))
  const refused = await app.inject('/silent')
  assert.equal(refused.statusCode, 403)
  assert.equal(refused.json().code, 'insufficient_scope')
  assert.equal(await statusOf('/models'), 200)
  access.identifyBy(() => caller('somebody', 'jobs:read'))
  assert.equal(await statusOf('/models'), 403)
  access.identifyBy(() => caller('root', 'admin'))
  assert.equal(await statusOf('/silent'), 200)
  access.identifyBy(() => {
    throw new Error('nobody is asked here')
  })
  assert.equal((await app.inject('/open')).body, 'undefined')
  assert.equal(await statusOf('/nowhere'), 404)
})

test('jobs, lists, keys and uploads of another owner are not there, and admin sees all', async t => {
  const fake = await startFake(t)
  const { url, app } = await startForeman(t, { target: fake.url })
  app.access.identifyBy(({ headers }) =>
    caller(
      String(headers['x-owner']),
      headers['x-owner'] === 'root' ? 'admin' : 'jobs:read',
      'jobs:write',
      'artifacts'
    )
  )
  const as = (owner: string, path: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, headers: { ...init.headers, 'x-owner': owner } })
  const post = (owner: string) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'one' }
    return as(owner, '/jobs', { method: 'POST', headers, body: '{"model":"alpha","prompt":"hello"}' })
  }
  const { id } = (await (await post('ann')).json()) as { id: string }
  // The same key of somebody else is another key.
  const other = (await (await post('bob')).json()) as { id: string }
  assert.notEqual(other.id, id)
  const upload = (await (await as('ann', '/artifacts', { method: 'POST', body: 'bytes' })).json()) as {
    id: string
  }
  await as('ann', `/jobs/${id}`, { headers: { prefer: 'wait=20' } })

  const paths = [
    `/jobs/${id}`,
    `/jobs/${id}/why`,
    `/jobs/${id}/events`,
    `/jobs/${id}/artifacts`,
    `/jobs/${id}/artifacts/completion`
  ]
  for (const path of [...paths, `/artifacts/${upload.id}`, `/artifacts/${upload.id}/content`]) {
    const statuses = await Promise.all(
      ['ann', 'bob', 'root'].map(async owner => (await as(owner, path)).status)
    )
    assert.deepEqual(statuses, [200, 404, 200], path)
  }
  for (const [method, path] of [
    ['POST', `/jobs/${id}/cancel`],
    ['POST', `/jobs/${id}/retry`],
    ['DELETE', `/jobs/${id}`],
    ['DELETE', `/artifacts/${upload.id}`],
    ['POST', `/artifacts/${upload.id}/sign`]
  ] as const) {
    assert.equal((await as('bob', path, { method })).status, 404, path)
  }
  const idsOf = async (owner: string) =>
    ((await (await as(owner, '/jobs')).json()) as { data: { id: string }[] }).data.map(job => job.id)
  assert.deepEqual(await idsOf('ann'), [id])
  assert.deepEqual(await idsOf('bob'), [other.id])
  assert.deepEqual((await idsOf('root')).toSorted(), [id, other.id].toSorted())
  const used = await as('bob', '/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'alpha', prompt: 'look', images: [{ artifact_id: upload.id }] })
  })
  assert.equal(used.status, 422)
  assert.equal((await as('bob', '/queue/pause', { method: 'POST' })).status, 403)
  // A tombstone is its owner's as well.
  assert.equal((await as('ann', `/jobs/${id}`, { method: 'DELETE' })).status, 204)
  assert.deepEqual(
    await Promise.all(['ann', 'bob'].map(async owner => (await as(owner, `/jobs/${id}`)).status)),
    [410, 404]
  )
})

test('without tokens everybody is the one owner and may do everything', () => {
  assert.ok(soleCaller.scopes.has('admin'))
})
