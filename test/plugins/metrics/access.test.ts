import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { startForeman } from '../../helpers/foreman.ts'
import { startFake } from '../../strength/support/rig.ts'
import { startStage } from '../auth/stage.ts'
import { scrape } from './scrape.ts'

test('GET /metrics wants the scope metrics', async t => {
  const { ask, issue, admin } = await startStage(t)
  const status = async (token: string | undefined) => {
    const answer = await ask(token, 'GET', '/metrics')
    // Unread it would hold the connection, and so the end of foreman.
    await answer.text()
    return answer.status
  }
  const inference = await issue({ scopes: ['inference', 'jobs:read'] })
  const metrics = await issue({ scopes: ['metrics'] })
  assert.equal(await status(undefined), 401)
  assert.equal(await status(inference.token), 403)
  assert.equal(await status(metrics.token), 200)
  assert.equal(await status(admin), 200)
  assert.equal((await ask(metrics.token, 'GET', '/jobs')).status, 403)
})

test('who is turned away at the door is counted by what was amiss', async t => {
  const { ask, issue, url, admin } = await startStage(t)
  const limited = await issue({ scopes: ['metrics'], limits: { addresses: ['192.0.2.1'] } })
  const revoked = await issue({ scopes: ['metrics'] })
  await ask(admin, 'DELETE', `/tokens/${revoked.id}`)
  const shown = [undefined, 'fm_no_such', limited.token, revoked.token]
  for (const token of shown) await ask(token, 'GET', '/metrics')
  await fetch(`${url}/metrics`, { headers: { authorization: 'Basic eDp5' } })
  const other = await issue({ scopes: ['inference'] })
  await ask(other.token, 'GET', '/metrics')
  const { value } = await scrape(url, { authorization: `Bearer ${admin}` })
  const count = (reason: string) => value('foreman_auth_failures_total', { reason })
  assert.deepEqual(
    ['missing', 'unknown', 'address', 'revoked', 'malformed', 'scope', 'expired'].map(count),
    [1, 1, 1, 1, 1, 1, 0]
  )
})

test('the listener of its own shows the metrics without a token, and nothing else', async t => {
  const stage = await startStage(t, {}, {})
  const fake = stage.fake
  const port = await freePort()
  const foreman = await startForeman(t, {
    target: fake.url,
    settings: { plugins: { auth: {}, metrics: { listen: `127.0.0.1:${port}` } } }
  })
  const door = `http://127.0.0.1:${port}`
  assert.equal((await scrape(door)).value('foreman_target_up'), 1)
  assert.equal((await fetch(`${foreman.url}/metrics`)).status, 401)
  for (const path of ['/', '/jobs', '/api/tags', '/healthz', '/metrics/x']) {
    assert.equal((await fetch(door + path)).status, 404, path)
  }
  await foreman.app.close()
  await assert.rejects(fetch(`${door}/metrics`))
})

test('a listener that cannot be opened stops the start', async t => {
  const fake = await startFake(t)
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await new Promise(resolve => taken.once('listening', resolve))
  const { port } = taken.address() as { port: number }
  const settings = { plugins: { metrics: { listen: `127.0.0.1:${port}` } } }
  await assert.rejects(startForeman(t, { target: fake.url, settings }), { code: 'EADDRINUSE' })
  const wrong = { plugins: { metrics: { listen: '9464' } } }
  await assert.rejects(startForeman(t, { target: fake.url, settings: wrong }), /plugins\.metrics\.listen/)
})

test('the plugin can be switched off', async t => {
  const fake = await startFake(t)
  const { url } = await startForeman(t, { target: fake.url, settings: { plugins: { metrics: false } } })
  assert.equal((await fetch(`${url}/metrics`)).status, 404)
})

test('promtool has nothing against the exposition', { skip: missing('promtool') }, async t => {
  const fake = await startFake(t)
  const { url, app } = await startForeman(t, { target: fake.url })
  await app.catalog.refresh()
  const { text } = await scrape(url)
  const said = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
  assert.deepEqual([said.status, said.stdout, said.stderr], [0, '', ''])
})

test('OpenMetrics where it is asked for: other names of counter families, the end told, the same samples', async t => {
  const fake = await startFake(t)
  const { url, app } = await startForeman(t, { target: fake.url })
  await app.catalog.refresh()
  const open = await fetch(`${url}/metrics`, {
    headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' }
  })
  assert.equal(open.headers.get('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  const text = await open.text()
  assert.ok(text.endsWith('\n# EOF\n'))
  assert.ok(!text.includes('\n\n'))
  assert.match(text, /^# TYPE foreman_jobs_created counter$/m)
  assert.match(text, /^foreman_jobs_created_total\{/m)
  assert.doesNotMatch(text, /^# TYPE \S+_total /m)
  const plain = await fetch(`${url}/metrics`)
  assert.equal(plain.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  assert.match(await plain.text(), /^# TYPE foreman_jobs_created_total counter$/m)
})

function missing(program: string): string | false {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return `${program} is not installed`
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}
