/** Followers that read slowly or not at all, of an answer that is larger than all that foreman may hold for them. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { WebSocket } from 'ws'
import type { JobObject } from '../../plugins/jobs/job-schema.ts'
import { foldNow } from '../chaos/cuts/folding.ts'
import { Pieced } from '../chaos/cuts/pieced.ts'
import { followToEnd, type Reader } from '../chaos/cuts/reader.ts'
import { SocketReader } from '../chaos/cuts/socket-reader.ts'
import { SseReader } from '../chaos/cuts/sse-reader.ts'
import { eventsOf } from '../chaos/cuts/truth.ts'
import type { ModelConfig } from '../fake-ollama/start.ts'
import { connect as connectStream, eventsIn } from '../helpers/event-stream.ts'
import { startRig } from './support/rig.ts'

/** Ten megabytes in pieces of a kilobyte. */
const talker: ModelConfig = { name: 'alpha', size_bytes: 1e9, word: 'w'.repeat(1000), token_count: 10_000 }
const answerBytes = 10_000_000
const chatBody = { model: 'alpha', messages: [{ role: 'user', content: 'hello' }] }
const followersEach = 20
const bytesPerS = 1000
/** `sse.buffer_bytes` and `websocket.buffer_bytes`, as they are where nothing is said. */
const bufferBytes = 1024 * 1024
/** What an event has about it on the wire, and more. */
const frameBytes = 1000
/**
 * What is held in memory, over what waits. Buffers are cut from larger ones, of which up to a quarter is left over. Beside
 * them objects are few: strings would wait there, and Node would set three bytes aside for each of their characters as well.
 */
const mostHeld = { buffers: 1.5, objects: 0.25 }
/** However long it takes until all of them wait, nobody is cut for it. */
const patient = { sse: { stall_s: 3600 }, websocket: { stall_s: 3600 } }

test('for each of 40 readers at 1 kB/s of a 10 MB answer no more waits than its settings say, nor in all', {
  timeout: 600_000
}, async t => {
  const sockets: Socket[] = []
  const leave = () => {
    for (const socket of sockets) socket.destroy()
  }
  // Before foreman is closed, which would wait for them.
  t.after(leave)
  const { app, url } = await startRig(t, { models: [talker] }, { plugins: patient })
  const connections = new Set<Socket>()
  app.server.on('connection', socket => connections.add(socket))
  await ended(url, await submit(url))
  const before = inUse()
  await order(url, 'pause')
  const id = await submit(url)
  const readers: Reader[] = Array.from({ length: followersEach }).flatMap(() => [
    new SseReader(`${url}/jobs/${id}/events`),
    new SocketReader(url, id, 'job')
  ])
  let visits: Promise<unknown>[] = []
  sockets.push(
    ...opened(() => {
      visits = readers.map(reader => reader.visit({ bytesPerS }))
    })
  )
  while (app.followers.size < readers.length) await once(app.followers, 'joined')
  const ports = new Set(sockets.map(({ localPort }) => localPort))
  const theirs = [...connections].filter(({ remotePort }) => ports.has(remotePort))
  assert.equal(theirs.length, readers.length)
  await order(url, 'resume')
  await ended(url, id)
  // First the system takes some for each: less than half of the answer.
  const isEachFull = () => theirs.every(({ writableLength }) => writableLength > bufferBytes)
  while (!isEachFull() && app.followers.size === readers.length) await turn()
  assert.equal(app.followers.size, readers.length, 'none has had all of it')
  const waiting = theirs.map(({ writableLength }) => writableLength)
  const now = inUse()
  leave()
  await Promise.all(visits)
  const events = await eventsOf(url, id)
  const longest = Math.max(...events.map(event => Buffer.byteLength(JSON.stringify(event)))) + frameBytes
  for (const bytes of waiting) assert.ok(bytes <= bufferBytes + longest, `${bytes} bytes wait`)
  const inAll = waiting.reduce((sum, bytes) => sum + bytes)
  const held = {
    buffers: (now.buffers - before.buffers) / inAll,
    objects: (now.objects - before.objects) / inAll
  }
  t.diagnostic(`${inAll} bytes wait; over that are held ${JSON.stringify(held)}`)
  assert.ok(held.buffers < mostHeld.buffers && held.objects < mostHeld.objects, JSON.stringify(held))
  for (const { pieced } of readers) assert.deepEqual(pieced.events, events.slice(0, pieced.events.length))
  for (const reader of readers.slice(0, 2)) {
    await followToEnd(reader)
    assert.deepEqual(reader.pieced.events, events)
    assert.ok(reader.pieced.message().content.length > answerBytes)
  }
})

const plugins = {
  sse: { stall_s: 0.5 },
  websocket: { stall_s: 0.5 },
  passthrough: { stream_stall_s: 0.5 }
}
const requests = {
  sse: (id: string) => [`GET /jobs/${id}/events HTTP/1.1`, 'Accept: text/event-stream'],
  ws: (id: string) => [
    ...[`GET /ws?job_id=${id} HTTP/1.1`, 'Connection: Upgrade', 'Upgrade: websocket'],
    ...[
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==',
      'Sec-WebSocket-Protocol: foreman.v1'
    ]
  ],
  ndjson: (id: string) => [`GET /jobs/${id}/stream HTTP/1.1`]
} as const

test('a client that never reads is left behind after the stall limit, by whatever way it follows', async t => {
  const { app, url } = await startRig(t, { models: [talker] }, { plugins })
  const headers = { 'foreman-on-disconnect': 'continue' }
  const call = await fetch(`${url}/api/chat`, { method: 'POST', headers, body: JSON.stringify(chatBody) })
  const id = call.headers.get('foreman-job-id')!
  await call.body!.cancel()
  await ended(url, id)
  const slow: string[] = []
  app.telemetry.on('streamSlow', (transport, how) => slow.push(`${transport} ${how}`))
  for (const [transport, request] of Object.entries(requests)) {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname).pause()
    t.after(() => socket.destroy())
    socket.write([...request(id), `Host: ${hostname}`, '', ''].join('\r\n'))
    await once(app.telemetry, 'streams')
    assert.equal(app.streamSlots.open, 1)
    await once(app.telemetry, 'streams')
    assert.deepEqual([app.streamSlots.open, app.followers.size], [0, 0])
    assert.ok(slow.includes(`${transport} closed`), `${slow}`)
  }
})

test('a follower for whom next to nothing may wait is told everything all the same', async t => {
  const small = { sse: { buffer_bytes: 1 }, websocket: { buffer_bytes: 65_536 } }
  const { url } = await startRig(t, { models: [{ ...talker, token_count: 500 }] }, { plugins: small })
  const id = await submit(url)
  const follow = (): Reader[] => [new SseReader(`${url}/jobs/${id}/events`), new SocketReader(url, id, 'job')]
  const readers = follow()
  const live = readers.map(reader => followToEnd(reader))
  await ended(url, id)
  const later = follow()
  await Promise.all([...live, ...later.map(reader => followToEnd(reader))])
  const events = await eventsOf(url, id)
  for (const { pieced } of [...readers, ...later]) assert.deepEqual(pieced.events, events)
})

test('text that is folded up while its followers lag behind comes whole', async t => {
  const { url, dataDir } = await startRig(t, { models: [talker] }, { retention: { sweep_interval_s: 0.1 } })
  const id = await submit(url)
  const stream = await connectStream(`${url}/jobs/${id}/events`)
  const socket = new WebSocket(`${url}/ws?job_id=${id}`, ['foreman.v1'])
  t.after(() => socket.terminate())
  const [byStream, bySocket] = [new Pieced(true), new Pieced(true)]
  socket.on('message', data => {
    const { op, event } = JSON.parse(String(data))
    if (op === 'event') bySocket.take(event)
  })
  await once(socket, 'message')
  socket.pause()
  stream.pause()
  await ended(url, id)
  await foldNow(dataDir)
  const closed = once(socket, 'close')
  socket.resume()
  stream.resume()
  for (const event of eventsIn(await stream.rest())) byStream.take(event)
  await closed
  const folded = await eventsOf(url, id)
  assert.ok(folded.length < 100)
  for (const { events } of [byStream, bySocket]) {
    assert.ok(events.length > folded.length)
    assert.deepEqual(events.at(-1), folded.at(-1))
  }
  const whole = new SseReader(`${url}/jobs/${id}/events`, { pieced: new Pieced(true) })
  await followToEnd(whole)
  const { content } = whole.pieced.message()
  assert.ok(content.length > answerBytes)
  for (const pieced of [byStream, bySocket]) assert.ok(pieced.message().content === content)
})

/** @returns the id of the job */
async function submit(url: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ request: chatBody })
  const answer = await fetch(`${url}/jobs`, { method: 'POST', headers, body })
  assert.equal(answer.status, 202)
  return ((await answer.json()) as JobObject).id
}

async function ended(url: string, id: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/jobs/${id}`, { headers: { prefer: 'wait=60' } })
    const { state } = (await answer.json()) as JobObject
    if (state === 'done') return
    assert.ok(['queued', 'loading', 'working'].includes(state), state)
  }
}

async function order(url: string, what: 'pause' | 'resume'): Promise<void> {
  assert.equal((await fetch(`${url}/queue/${what}`, { method: 'POST' })).status, 200)
}

/** The connections that this process begins meanwhile. */
function opened(connect: () => void): Socket[] {
  const sockets: Socket[] = []
  const see = (message: unknown) => sockets.push((message as { socket: Socket }).socket)
  subscribe('net.client.socket', see)
  connect()
  unsubscribe('net.client.socket', see)
  return sockets
}

/** What is in use of the memory of this process, in bytes. What is garbage is gone before. */
function inUse(): { objects: number; buffers: number } {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  // The second waits until the bytes of what the first has found are given back.
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { objects: heapUsed, buffers: arrayBuffers }
}
