/** Followers that read slowly or not at all, of an answer that is larger than all that foreman may hold for them. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
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
import { spawnForeman } from '../helpers/foreman.ts'
import { startFake, startRig } from './support/rig.ts'

const mebibyte = 1024 * 1024
/** Ten megabytes in pieces of a kilobyte. */
const talker: ModelConfig = { name: 'alpha', size_bytes: 1e9, word: 'w'.repeat(1000), token_count: 10_000 }
const answerBytes = 10_000_000
const chatBody = { model: 'alpha', messages: [{ role: 'user', content: 'hello' }] }
const followersEach = 20
const bytesPerS = 1000
const slowForS = 6
/** Until the collector has found its pace. */
const jobsBefore = 3
/**
 * Half of what they have yet to read. By the settings 1 MiB may wait for each; the rest is for the keeping of that in small
 * pieces, and for the collector, which takes its time.
 */
const allowedBytes = followersEach * answerBytes

test('40 readers at 1 kB/s of a 10 MB answer do not fill the memory, and come to its end', {
  timeout: 120_000
}, async t => {
  const fake = await startFake(t, { models: [talker] })
  const foreman = await spawnForeman(t, { target: fake.url })
  for (let job = 0; job < jobsBefore; job++) await ended(foreman.url, await submit(foreman.url))
  const before = peakBytes(foreman.pid)
  const id = await submit(foreman.url)
  const readers: Reader[] = Array.from({ length: followersEach }).flatMap(() => [
    new SseReader(`${foreman.url}/jobs/${id}/events`),
    new SocketReader(foreman.url, id, 'job')
  ])
  const manner = { bytesPerS, cutAfter: bytesPerS * slowForS }
  await Promise.all([...readers.map(reader => reader.visit(manner)), ended(foreman.url, id)])
  const grown = peakBytes(foreman.pid) - before
  t.diagnostic(`the peak of its memory grew by ${Math.round(grown / mebibyte)} MiB`)
  assert.ok(grown < allowedBytes, `${grown} bytes more`)
  const events = await eventsOf(foreman.url, id)
  for (const { pieced } of readers) {
    assert.ok(pieced.events.length > 0 && pieced.events.length < 50)
    assert.deepEqual(pieced.events, events.slice(0, pieced.events.length))
  }
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
  const answer = await fetch(`${url}/jobs/${id}`, { headers: { prefer: 'wait=60' } })
  assert.equal(((await answer.json()) as JobObject).state, 'done')
}

/** The most memory that a process ever had: proc(5), VmHWM. */
function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
}
