/** Clients that send slowly, over real sockets in real time: limits are short here. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { SlowClients, serverOptions } from '../../core/slow-clients.ts'
import { type SettingsPart, startForeman } from '../helpers/foreman.ts'
import { answersOn, begin, sendPiece } from '../plugins/jobs/line-client.ts'
import { startRig } from '../strength/support/rig.ts'

const graceMs = 400
const limits = { head_timeout_s: 0.4, body_min_bytes_per_s: 1000, body_grace_s: graceMs / 1000 }
/** Longer than any of them with what a look may be late by, and for less than the keep-alive of an idle connection. */
const longMs = 3 * graceMs
const nowhere = 'http://127.0.0.1:9'

async function start(t: TestContext, target = nowhere, more: SettingsPart = {}): Promise<string> {
  return (await startForeman(t, { target, settings: { limits: { ...limits, ...more } } })).url
}

async function open(t: TestContext, url: string, bytes = ''): Promise<Socket> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(bytes)
  return socket
}

/** Sends `piece` again and again until the connection is closed, or reset since more was sent, and gives what came. */
async function drip(socket: Socket, piece: string, everyMs = 50): Promise<string> {
  const dripping = setInterval(() => socket.write(piece), everyMs)
  const came: Buffer[] = []
  socket.on('data', bytes => came.push(bytes))
  await once(socket, 'close')
  clearInterval(dripping)
  return Buffer.concat(came).toString()
}

function post(path: string, length = 5000, type = 'application/json'): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`
}

function assertTimedOut(answer: string, limit: RegExp): void {
  assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/)
  assert.match(answer, /foreman-error-code: request_timeout/)
  assert.match(answer, /connection: close/)
  assert.match(answer, limit)
  assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1)
}

for (const [how, first, piece] of [
  ['a connection on which nothing comes', '', ''],
  ['a head that comes byte by byte', 'GET /queue HTTP/1.1\r\n', 'x'],
  ['blank lines in place of a head', '', '\r\n']
] as const) {
  test(`${how} is closed with 408 after limits.head_timeout_s`, async t => {
    const socket = await open(t, await start(t), first)
    const answer = await (piece === '' ? text(socket) : drip(socket, piece))
    assertTimedOut(answer, /did not come within 0\.4 s \(limits\.head_timeout_s\)/)
  })
}

test('a head larger than limits.head_bytes is 431 and names the limit', async t => {
  const url = await start(t, nowhere, { head_bytes: 2000 })
  const answer = await text(await open(t, url, `GET /queue HTTP/1.1\r\nX: ${'x'.repeat(2500)}\r\n\r\n`))
  assert.match(answer, /^HTTP\/1\.1 431 [\s\S]*larger than 2000 bytes \(limits\.head_bytes\)/)
})

const shapes = [
  [
    '/api/chat',
    /\{"error":"The request came too slowly: less than 1000 bytes a second of its body over 0\.4 s/
  ],
  ['/v1/chat/completions', /\{"error":\{"message":"The request came too slowly/],
  ['/v1/messages', /\{"type":"error","error":\{"type":"api_error","message":"The request came too slowly/],
  ['/jobs', /"code":"request_timeout"[^\n]*"retryable":true/],
  ['/artifacts', /"code":"request_timeout"/],
  ['/api/blobs/sha256:abc', /\{"error":"The request came too slowly/]
] as const

for (const [path, shape] of shapes) {
  test(`a body that trickles into ${path} is 408 in the shape of the route, and closed`, async t => {
    const asked: string[] = []
    const target = await serve(t, ({ method, url }, res) => {
      asked.push(`${method} ${url}`)
      // Of an upload nothing is told before its end.
      if (method !== 'POST') res.end('{}')
    })
    const answer = await drip(await open(t, await start(t, target), post(path)), ' ')
    assertTimedOut(answer, shape)
    assert.match(answer, /limits\.body_min_bytes_per_s, limits\.body_grace_s/)
    assert.deepEqual(
      asked.filter(line => /^POST \/(api\/chat|v1)/.test(line)),
      []
    )
  })
}

test('a body that keeps the rate is taken, however long it takes', async t => {
  const { url } = await startRig(t, {}, { limits })
  const body = JSON.stringify({ model: 'alpha', messages: [], padding: 'x'.repeat(20_000) })
  const head = post('/api/chat', body.length).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
  const socket = await open(t, url, head)
  const answered = text(socket)
  for (let sent = 0; sent < body.length; sent += 600) {
    socket.write(body.slice(sent, sent + 600))
    await pass(50)
  }
  assert.match(await answered, /^HTTP\/1\.1 200 /)
})

test('a fast beginning buys no time for a slow end', async t => {
  const socket = await open(t, await start(t), post('/jobs', 1_000_000) + 'x'.repeat(50_000))
  await pass(graceMs / 2)
  socket.write('x'.repeat(50_000))
  assertTimedOut(await drip(socket, ' '), /limits\.body_min_bytes_per_s/)
})

test('no limit where the rate is 0', async t => {
  const socket = await open(t, await start(t, nowhere, { body_min_bytes_per_s: 0 }), post('/jobs'))
  await pass(longMs)
  assert.equal(socket.readyState, 'open')
  socket.destroy()
})

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('time in which foreman does not read, for a target that does not, is not the client’s', async t => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const target = await serve(t, async (req, res) => {
    if (req.url?.startsWith('/api/blobs')) await released
    req.resume().once('end', () => res.end('{}'))
  })
  const blob = Buffer.alloc(16_000_000)
  const socket = await open(t, await start(t, target), post('/api/blobs/sha256:abc', blob.length))
  socket.write(blob)
  await pass(longMs)
  assert.ok(socket.writableLength > 0, 'the way is full')
  release()
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(String(answer), /^HTTP\/1\.1 200 /)
})

const line = (id: number) => JSON.stringify({ model: 'alpha', prompt: `hello ${id}` })

test('a client that is silent between two lines is waited for, one that stops in a line is not', async t => {
  const { url } = await startRig(t, {}, { limits })
  const socket = await begin(t, url)
  sendPiece(socket, `${line(1)}\n`)
  await answersOn(socket, 1)
  await pass(longMs)
  sendPiece(socket, `${line(2)}\n`)
  await answersOn(socket, 1)
  sendPiece(socket, line(3).slice(0, 10))
  assert.doesNotMatch(await text(socket), /HTTP/, 'nothing is said in the middle of an answer')
})

test('a client that stops in its first line is told', async t => {
  const { url } = await startRig(t, {}, { limits })
  const socket = await begin(t, url)
  sendPiece(socket, line(1).slice(0, 10))
  assertTimedOut(await text(socket), /"code":"request_timeout"/)
})

/** Refused before its body is looked at. */
function refused(length = 5000): string {
  return post('/jobs', length).replace('\r\n', '\r\nOrigin: https://elsewhere.example\r\n')
}

test('a body that trickles on after its answer is closed without a word more', async t => {
  const answer = await drip(await open(t, await start(t), refused()), ' ')
  assert.match(answer, /^HTTP\/1\.1 403 /)
  assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1)
})

test('of an answered request the rest may come at a fair rate', async t => {
  const url = await start(t)
  const socket = await open(t, url, refused(1_000_000))
  const dripping = setInterval(() => socket.write('x'.repeat(200)), 50)
  t.after(() => clearInterval(dripping))
  await once(socket, 'data')
  await pass(longMs)
  assert.equal(socket.readyState, 'open')
  socket.destroy()
})

test('an address that cannot be read frees no body from the limit', async t => {
  const answer = await drip(await open(t, await start(t), post('/%zz')), ' ')
  assert.match(answer, /^HTTP\/1\.1 400 /)
})

test('what a client sends behind a request waits for the answer to that', async t => {
  const { url } = await startRig(t, { token_delay_ms: 300, token_count: 4 }, { limits })
  const body = JSON.stringify({ model: 'alpha', messages: [{ role: 'user', content: 'hello' }] })
  const socket = await open(t, url, post('/api/chat', body.length) + body + post('/jobs'))
  const all = await text(socket)
  assert.match(all, /^HTTP\/1\.1 200 [\s\S]*"done":true[\s\S]*HTTP\/1\.1 408 /)
})

test('a connection on which only blank lines come after an answer is closed in time', async t => {
  const all = { ...limits, head_bytes: 16_384 }
  const slowClients = new SlowClients(all, 200)
  const server = createServer({ ...serverOptions(all), keepAliveTimeout: 200 }, (req, res) => {
    slowClients.watch(req, res)
    res.end('ok')
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const looking = setInterval(() => slowClients.look(console as never), slowClients.lookEveryMs)
  t.after(() => clearInterval(looking))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const answer = await drip(await open(t, url, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), '\r\n')
  assert.match(answer, /ok$/)
})
