/** Who may open a socket, what they are told who may not, and that nobody else's requests are touched. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startStage as startAuthStage } from '../auth/stage.ts'
import { chatBody, startStage } from '../jobs/stage.ts'
import { Client, RawClient, refused, upgradeRequest } from './client.ts'

const base64url = (text: string) => Buffer.from(text).toString('base64url')

test('a socket speaks foreman.v1, whatever else is offered, and is refused without', async t => {
  const { url, app } = await startStage(t)
  const { ws } = await Client.open(t, url, { protocols: ['chat', 'foreman.v1', 'foreman.bearer.eA'] })
  assert.equal(ws.protocol, 'foreman.v1')
  assert.equal(ws.extensions, '')
  for (const protocols of [[], ['foreman.v2'], ['foreman.v10', 'chat']]) {
    const { status, code, headers } = await refused(url, { protocols })
    assert.deepEqual([status, code, headers.connection], [400, 'subprotocol_required', 'close'])
  }
  assert.equal(app.streamSlots.open, 1)
})

test('a request that asks for no upgrade is told to', async t => {
  const { url } = await startStage(t)
  const answer = await fetch(`${url}/ws`)
  assert.deepEqual([answer.status, answer.headers.get('upgrade')], [426, 'websocket'])
  assert.equal(((await answer.json()) as { code: string }).code, 'upgrade_required')
  assert.equal((await fetch(`${url}/ws`, { method: 'HEAD' })).status, 404)
})

test('a query that is not known is refused', async t => {
  const { url } = await startStage(t)
  const { status, code } = await refused(url, { query: '?jobid=x' })
  assert.deepEqual([status, code], [422, 'validation_failed'])
})

test('every way to show a token opens a socket, and none in a query does', async t => {
  const { url, admin, issue } = await startAuthStage(t)
  const { token } = await issue({ scopes: ['jobs:read'] })
  for (const shown of [admin, token]) {
    await Client.open(t, url, { headers: { authorization: `Bearer ${shown}` } })
    await Client.open(t, url, { headers: { 'x-api-key': shown } })
    const offered = ['foreman.v1', `foreman.bearer.${base64url(shown)}`]
    const { ws } = await Client.open(t, url, { protocols: offered })
    assert.equal(ws.protocol, 'foreman.v1')
  }
  for (const options of [
    {},
    { query: `?token=${admin}` },
    { query: `?ticket=${admin}` },
    { headers: { authorization: 'Bearer nonsense' } },
    { protocols: ['foreman.v1', 'foreman.bearer.nonsense'] }
  ]) {
    const { status, code, headers } = await refused(url, options)
    assert.deepEqual([status, code, headers.connection], [401, 'unauthorized', 'close'])
    assert.match(String(headers['www-authenticate']), /^Bearer /)
  }
})

test('a token without jobs:read is refused', async t => {
  const { url, issue } = await startAuthStage(t)
  const { token } = await issue({ scopes: ['jobs:write', 'inference'] })
  const { status, code } = await refused(url, { headers: { authorization: `Bearer ${token}` } })
  assert.deepEqual([status, code], [403, 'insufficient_scope'])
})

test('with tokens, only pages of the same host and of listed origins open a socket', async t => {
  const { url, admin } = await startAuthStage(t, {}, { cors: { origins: ['https://*.example.org'] } })
  const authorization = `Bearer ${admin}`
  const { host } = new URL(url)
  for (const origin of [`http://${host}`, `https://${host}`, 'https://a.example.org']) {
    await Client.open(t, url, { headers: { authorization, origin } })
  }
  await Client.open(t, url, {
    headers: { authorization, host: 'foreman.lan:80', origin: 'http://foreman.lan' }
  })
  for (const origin of [
    ...[
      'http://evil.example',
      'http://localhost',
      `http://${host}.evil.example`,
      'null',
      'file://',
      'nonsense'
    ],
    ...[`http://${host.replace(/\d+$/, '1')}`, 'https://a.example.org.evil.example', '']
  ]) {
    const { status, code } = await refused(url, { headers: { authorization, origin } })
    assert.deepEqual([status, code], [403, 'foreign_page'], origin)
  }
})

test('without tokens, what keeps pages out of foreman keeps their sockets out', async t => {
  const { url } = await startStage(t, {}, { cors: { origins: ['https://example.org'] } })
  for (const origin of ['http://localhost:3000', 'https://example.org']) {
    await Client.open(t, url, { headers: { origin } })
  }
  for (const [name, value] of [
    ['origin', 'https://evil.example'] as const,
    ['host', 'evil.example'] as const
  ]) {
    const { status, code } = await refused(url, { headers: { [name]: value } })
    assert.deepEqual([status, code], [403, 'foreign_page'])
  }
})

test('one more than a token may have is refused, and there is room again when one has left', async t => {
  const { url, issue, app } = await startAuthStage(t, {}, { limits: { max_streams_per_token: 2 } })
  const { token } = await issue({ scopes: ['jobs:read'] })
  const headers = { authorization: `Bearer ${token}` }
  const first = await Client.open(t, url, { headers })
  await Client.open(t, url, { headers })
  const { status, code, headers: told } = await refused(url, { headers })
  assert.deepEqual([status, code, told['retry-after']], [429, 'too_many_streams', '10'])
  const left = new Promise(resolve => app.telemetry.once('streams', resolve))
  first.ws.close()
  await left
  await Client.open(t, url, { headers })
  assert.equal(app.streamSlots.open, 2)
})

test('a handshake that the protocol does not know is refused and takes no place', async t => {
  const { url, app } = await startStage(t)
  for (const [name, value] of [['key', 'x'] as const, ['version', '7'] as const]) {
    const client = await RawClient.connect(t, url)
    const ended = new Promise(resolve => client.socket.once('close', resolve))
    client.write(upgradeRequest(url, '/ws', { [`sec-websocket-${name}`]: value }))
    await client.reads(/^HTTP\/1.1 400 /)
    await ended
  }
  assert.equal(app.streamSlots.open, 0)
})

test('a POST that offers another HTTP is read with its body, and its connection goes on', async t => {
  const { url } = await startStage(t)
  const body = JSON.stringify({ ...chatBody, stream: false })
  const client = await RawClient.connect(t, url)
  const post = [
    ...['POST /api/chat HTTP/1.1', `host: ${new URL(url).host}`, 'connection: Upgrade, HTTP2-Settings'],
    ...[
      'upgrade: h2c',
      'http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
      'content-type: application/json'
    ],
    ...[`content-length: ${body.length}`, '', body]
  ].join('\r\n')
  client.write(post)
  await client.reads(/^HTTP\/1.1 200 [\s\S]*"done":true/)
  client.text = ''
  client.write(post)
  await client.reads(/^HTTP\/1.1 200 [\s\S]*"done":true/)
})

test('what asks for a socket elsewhere is answered as the request it is, and its connection goes on', async t => {
  const { url } = await startStage(t)
  const client = await RawClient.connect(t, url)
  for (const [path, status] of [
    ...[['/healthz', 200] as const, ['/jobs', 200] as const, ['/nowhere', 404] as const],
    ...[['/api/version', 200] as const, ['/ws/', 404] as const]
  ]) {
    client.text = ''
    client.write(upgradeRequest(url, path))
    await client.reads(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*\r\n\r\n.`))
  }
})

test('a ticket opens one socket, to look and not to change', async t => {
  const { url, ask, issue, admin } = await startAuthStage(t)
  const { token } = await issue({ scopes: ['jobs:read', 'jobs:write'] })
  const job = (await (await ask(token, 'POST', '/jobs', chatBody)).json()) as { id: string }
  const ticketOf = async (body: object, of = token) =>
    ((await (await ask(of, 'POST', '/stream-tickets', body)).json()) as { ticket: string }).ticket

  const ticket = await ticketOf({})
  const client = await Client.open(t, url, { query: `?ticket=${ticket}` })
  client.send({ op: 'cancel', ref: 'c', job_id: job.id }).send({ op: 'subscribe', ref: 's', job_id: job.id })
  assert.equal(await client.problem('c'), 'insufficient_scope')
  await client.story('s')
  assert.equal((await refused(url, { query: `?ticket=${ticket}` })).status, 401)

  const bound = await ticketOf({ job_id: job.id })
  for (const query of ['', '&job_id=job_other', `&job_id=${job.id}&job_id=${job.id}`]) {
    assert.equal((await refused(url, { query: `?ticket=${bound}${query}` })).status, 401)
  }
  const one = await Client.open(t, url, { query: `?ticket=${bound}&job_id=${job.id}` })
  assert.deepEqual(await one.story(job.id), await client.story('s'))
  assert.equal((await one.closed).code, 1000)

  const ofAdmin = await Client.open(t, url, { query: `?ticket=${await ticketOf({}, admin)}` })
  ofAdmin.send({ op: 'subscribe', ref: 's', job_id: job.id })
  assert.equal(await ofAdmin.problem('s'), 'not_found', 'a ticket shows what its owner has')
})
