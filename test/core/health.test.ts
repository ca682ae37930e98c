import assert from 'node:assert/strict'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startFakeOllama } from '../fake-ollama/start.ts'
import { startForeman } from '../helpers/foreman.ts'
import { unusedUrl } from './target/servers.ts'

async function ask(
  url: string,
  path: string
): Promise<{ status: number; retryAfter: string | null; body: unknown }> {
  const response = await fetch(url + path)
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: await response.json()
  }
}

async function startBehindFake(t: TestContext) {
  const fake = await startFakeOllama()
  t.after(() => fake.stop())
  const foreman = await startForeman(t, { target: fake.url })
  if (foreman.app.reachability.state.status !== 'up') await once(foreman.app.reachability, 'up')
  return { fake, ...foreman }
}

test('with its target foreman is well and ready', async t => {
  const { url } = await startBehindFake(t)
  const well = { status: 200, retryAfter: null, body: { status: 'ok', target: { status: 'up' } } }
  for (const path of ['/healthz', '/readyz']) assert.deepEqual(await ask(url, path), well)
})

test('without its target foreman is degraded, alive and ready all the same', async t => {
  const { url, app } = await startForeman(t, { target: await unusedUrl() })
  if (app.reachability.state.status !== 'down') await once(app.reachability, 'down')
  for (const path of ['/healthz', '/readyz']) {
    const { status, body } = await ask(url, path)
    const { target, ...rest } = body as { status: string; target: Record<string, string> }
    assert.deepEqual([status, rest, target.status], [200, { status: 'degraded' }, 'down'])
    assert.ok(Date.parse(target.next_probe_at!) >= Date.parse(target.since!))
  }
})

test('while its database cannot be written foreman is alive and not ready', async t => {
  const { url, app } = await startBehindFake(t)
  app.db.pragma('query_only = 1')
  assert.deepEqual(await ask(url, '/readyz'), {
    status: 503,
    retryAfter: '10',
    body: { status: 'unavailable', target: { status: 'up' } }
  })
  assert.equal((await ask(url, '/healthz')).status, 200)
  app.db.pragma('query_only = 0')
  assert.equal((await ask(url, '/readyz')).status, 200)
})

test('asking whether foreman is ready writes to the disk and changes nothing', async t => {
  const { url, app, dataDir } = await startBehindFake(t)
  const version = app.db.pragma('user_version', { simple: true })
  const log = join(dataDir, 'foreman.db-wal')
  app.db.pragma('wal_checkpoint(TRUNCATE)')
  assert.equal(statSync(log).size, 0)
  await ask(url, '/readyz')
  assert.ok(statSync(log).size > 0, 'only a write finds a full disk')
  assert.equal(app.db.pragma('user_version', { simple: true }), version)
  assert.equal(app.db.inTransaction, false)
})
