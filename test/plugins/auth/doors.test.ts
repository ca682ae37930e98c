/** Every way in over real sockets, and how each is refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorizationOf, newKey } from './ssh-keys.ts'
import { startStage } from './stage.ts'

const chat = { model: 'alpha', messages: [{ role: 'user', content: 'hello' }], stream: false }

test('a token opens by Authorization, by x-api-key, as a subprotocol, and nothing of it reaches the target', async t => {
  const { url, admin, fake } = await startStage(t)
  const encoded = Buffer.from(admin).toString('base64url')
  for (const headers of [
    { authorization: `Bearer ${admin}` },
    { authorization: `bearer ${admin}` },
    { 'x-api-key': admin },
    { 'sec-websocket-protocol': `foreman.v1, foreman.bearer.${encoded}` }
  ]) {
    const answer = await fetch(`${url}/api/tags`, { headers: headers as never })
    assert.equal(answer.status, 200, JSON.stringify(headers))
  }
  const events = JSON.stringify(await (await fetch(`${fake.url}/__fake/state`)).json())
  assert.ok(!events.includes(admin))
})

test('nothing, an unknown form and a token in the query are refused in the shape of the surface', async t => {
  const { url, admin, ask } = await startStage(t)
  const native = await ask(undefined, 'POST', '/api/chat', chat)
  assert.deepEqual([native.status, await native.text()], [401, '{"error":"unauthorized"}'])
  assert.equal(native.headers.get('www-authenticate'), 'Bearer realm="foreman"')
  const openai = await ask('wrong', 'POST', '/v1/chat/completions', chat)
  assert.equal(openai.status, 401)
  assert.equal(((await openai.json()) as { error: { type: string } }).error.type, 'api_error')
  assert.match(openai.headers.get('www-authenticate')!, /error="invalid_token"/)
  const anthropic = await ask('wrong', 'POST', '/v1/messages', chat)
  assert.equal(((await anthropic.json()) as { error: { type: string } }).error.type, 'authentication_error')
  const problem = await fetch(`${url}/jobs?token=${admin}`)
  assert.equal(((await problem.json()) as { code: string }).code, 'unauthorized')
  for (const path of ['/', '/healthz', '/readyz'])
    assert.equal((await ask(undefined, 'GET', path)).status, 200)
})

test('the ollama command is told why in a 403, which it shows', async t => {
  const { url } = await startStage(t)
  const answer = await fetch(`${url}/api/tags`, {
    headers: { 'user-agent': 'ollama/0.33.0 (amd64 linux) Go/go1.26' }
  })
  assert.equal(answer.status, 403)
  assert.match(((await answer.json()) as { error: string }).error, /OLLAMA_AUTH=1 .*"foreman key add </)
})

test('a path prefix opens where it is switched on, for clients that send a made-up key besides, and in no log', async t => {
  const closed = await startStage(t)
  assert.equal((await fetch(`${closed.url}/t/${closed.admin}/api/tags`)).status, 404)
  const { url, admin } = await startStage(t, { path_prefix: true })
  const made = { headers: { authorization: 'Bearer ollama' } }
  assert.equal((await fetch(`${url}/t/${admin}/api/tags?x=1`, made)).status, 200)
  assert.equal((await fetch(`${url}/t/${admin}/v1/models`, made)).status, 200)
  assert.equal((await fetch(`${url}/t/wrong/api/tags`)).status, 401)
  const missing = await fetch(`${url}/t/${admin}/nothing`)
  assert.equal(missing.status, 404)
  assert.ok(!(await missing.text()).includes(admin))
})

test('an enrolled key signs calls; unknown keys, wrong times, other paths and late replays are refused', async t => {
  const { url, app, fake } = await startStage(t)
  const key = newKey()
  const insert = app.db.prepare(
    `INSERT INTO token (id, owner, name, public_key, scopes, limits, created_at)
     VALUES ('tok_key', 'tok_key', 'laptop', ?, '["inference"]', '{}', 0)`
  )
  const call = async (path: string, ts: number, signedPath = path) => {
    const authorization = authorizationOf(key, `GET,${signedPath}?ts=${ts}`)
    return fetch(`${url}${path}?ts=${ts}`, { headers: { authorization } })
  }
  const now = Math.floor(Date.now() / 1000)
  assert.equal((await call('/api/tags', now)).status, 403)
  insert.run(key.blob)
  assert.equal((await call('/api/tags', now)).status, 200)
  assert.equal((await call('/api/tags', now)).status, 200, 'the same call once more in the same second')
  const requests = JSON.stringify(await (await fetch(`${fake.url}/__fake/state`)).json())
  assert.ok(!requests.includes('ts='), 'the target knows nothing of the time')
  assert.equal((await call('/api/tags', now - 120)).status, 403)
  assert.equal((await call('/api/tags', now + 120)).status, 403)
  assert.equal((await call('/api/ps', now, '/api/tags')).status, 403)
  app.db.prepare("UPDATE token SET revoked_at = 1 WHERE id = 'tok_key'").run()
  assert.match(await (await call('/api/ps', now)).text(), /was revoked/)
})

test('a ticket shows the events of its job for its time, and opens nothing else', async t => {
  const { ask, issue, admin } = await startStage(t)
  const { token } = await issue({ scopes: ['jobs:read', 'jobs:write'] })
  const create = async () =>
    ((await (await ask(token, 'POST', '/jobs', { model: 'alpha', prompt: 'hi' })).json()) as { id: string })
      .id
  const [one, other] = [await create(), await create()]
  const made = await ask(token, 'POST', '/stream-tickets', { job_id: one })
  assert.equal(made.status, 201)
  const { ticket } = (await made.json()) as { ticket: string }
  const status = async (path: string) => (await ask(undefined, 'GET', `${path}?ticket=${ticket}`)).status
  assert.equal(await status(`/jobs/${one}/events`), 200)
  assert.equal(await status(`/jobs/${one}/events`), 200)
  assert.equal(await status(`/jobs/${other}/events`), 401)
  assert.equal(await status(`/jobs/${one}`), 401)
  const foreign = (
    (await (await ask(admin, 'POST', '/jobs', { model: 'alpha', prompt: 'x' })).json()) as { id: string }
  ).id
  assert.equal((await ask(token, 'POST', '/stream-tickets', { job_id: foreign })).status, 404)
  const all = (await (await ask(token, 'POST', '/stream-tickets')).json()) as { ticket: string }
  assert.equal((await ask(undefined, 'GET', `/jobs/${other}/events?ticket=${all.ticket}`)).status, 200)
  assert.equal((await ask(undefined, 'GET', `/jobs/${foreign}/events?ticket=${all.ticket}`)).status, 404)
})

test('a signed address needs no token, and a wrong signature is no way around one', async t => {
  const { url, admin, ask } = await startStage(t)
  const headers = { authorization: `Bearer ${admin}` }
  const made = await fetch(`${url}/artifacts`, { method: 'POST', headers, body: 'bytes' })
  const { id } = (await made.json()) as { id: string }
  const signed = (await (await ask(admin, 'POST', `/artifacts/${id}/sign`, {})).json()) as { url: string }
  const address = new URL(signed.url, url)
  assert.equal(await (await fetch(address)).text(), 'bytes')
  address.searchParams.set('exp', String(Number(address.searchParams.get('exp')) + 1))
  assert.equal((await fetch(address)).status, 403)
  assert.equal((await fetch(`${url}/artifacts/${id}/content`)).status, 401)
  assert.equal((await fetch(`${url}/artifacts/${id}?sig=x`)).status, 401)
})
