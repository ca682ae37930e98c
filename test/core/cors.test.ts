/** Pages of other origins: what their browsers are told, by real requests as a browser makes them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startForeman } from '../helpers/foreman.ts'
import { startFake } from '../strength/support/rig.ts'

const preflight = (origin: string) => ({
  method: 'OPTIONS',
  headers: {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,x-api-key'
  }
})

test('without cors.origins no page is told anything', async t => {
  const fake = await startFake(t)
  const { url } = await startForeman(t, { target: fake.url })
  for (const path of ['/api/chat', '/jobs']) {
    const answer = await fetch(url + path, preflight('http://localhost:3000'))
    assert.equal(answer.headers.get('access-control-allow-origin'), null)
  }
})

test('a listed page is told that it may, before anybody asks for a token, and reads what foreman tells', async t => {
  const fake = await startFake(t)
  const origins = ['https://app.example', 'http://localhost:*']
  const { url, app } = await startForeman(t, { target: fake.url, settings: { cors: { origins } } })
  app.access.identifyBy(() => {
    throw new Error('nobody shows a token in a preflight')
  })
  for (const origin of ['https://app.example', 'http://localhost:3000']) {
    for (const path of ['/api/chat', '/v1/chat/completions', '/jobs', '/jobs/job_x', '/artifacts']) {
      const answer = await fetch(url + path, preflight(origin))
      assert.equal(answer.status, 204, path)
      assert.equal(answer.headers.get('access-control-allow-origin'), origin)
      assert.match(answer.headers.get('access-control-allow-methods')!, /POST.*DELETE/)
      assert.match(answer.headers.get('access-control-allow-headers')!, /authorization.*x-api-key/)
      assert.equal(answer.headers.get('access-control-allow-credentials'), null)
    }
  }
  for (const origin of [
    'https://app.example.evil',
    'http://localhost:3000@evil.example',
    'https://evil.example'
  ]) {
    const answer = await fetch(`${url}/api/chat`, preflight(origin))
    assert.equal(answer.headers.get('access-control-allow-origin'), null, origin)
  }
})

test('answers of the target and errors carry it too', async t => {
  const fake = await startFake(t)
  const settings = { cors: { origins: ['https://app.example'] } }
  const { url } = await startForeman(t, { target: fake.url, settings })
  const headers = { origin: 'https://app.example' }
  const ask = (path: string, body?: string) =>
    fetch(url + path, { headers, ...(body !== undefined && { method: 'POST', body }) })
  for (const [answer, status] of [
    [await ask('/api/tags'), 200],
    [await ask('/api/generate', '{"model":"alpha","prompt":"hello","stream":false}'), 200],
    [await ask('/jobs/job_none'), 404]
  ] as const) {
    assert.equal(answer.status, status)
    assert.equal(answer.headers.get('access-control-allow-origin'), 'https://app.example')
    assert.match(answer.headers.get('access-control-expose-headers')!, /Foreman-Job-Id/)
    assert.equal(answer.headers.get('vary'), 'Origin')
    await answer.arrayBuffer()
  }
})
