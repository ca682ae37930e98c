/** Readers of kept answers: slow ones, too many of them, and those whose token is over. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { HeaderField } from '../../../core/target/headers.ts'
import { bodyOf, fieldValue, statusOf } from '../../differential/message-reader.ts'
import { begin } from '../../differential/raw-client.ts'
import { call, codeOf, goOn, problem, streamOf } from './kept-calls.ts'
import { ask, chat, fault, type Stage, start } from './stage.ts'

const longAnswer = { size_bytes: 24 * 1024 * 1024 }

/** A connection that asks for the stream and reads nothing of it. */
async function unread(t: TestContext, { url }: Stage, id: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  t.after(() => socket.destroy())
  socket.pause()
  socket.write(`GET /jobs/${id}/stream HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`)
  await once(socket, 'connect')
  return socket
}

/** What is told of slow readers, in order, and a wait for one word of it. */
function slowness({ app }: Stage) {
  const told: string[] = []
  app.telemetry.on('streamSlow', (transport, action) => told.push(`${transport} ${action}`))
  const until = async (word: string) => {
    while (!told.includes(word)) await new Promise(resolve => app.telemetry.once('streamSlow', resolve))
  }
  return { told, until }
}

test('a reader that takes nothing costs one buffer, is cut off in the end, and leaves nothing behind', async t => {
  const stage = await start(t, { settings: { plugins: { passthrough: { stream_stall_s: 0.5 } } } })
  const { id } = await call(stage, chat([goOn, fault('big_line', longAnswer)]))
  const { told, until } = slowness(stage)
  const before = memoryOf()
  await unread(t, stage, id)
  await until('ndjson pull')
  assert.ok(memoryOf() - before < longAnswer.size_bytes / 2)
  await until('ndjson closed')
  assert.equal(told.indexOf('ndjson closed'), told.length - 1)
  await noStreams(stage)
})

/** Bytes outside of the heap: what waits to be sent. */
function memoryOf(): number {
  return process.memoryUsage().arrayBuffers
}

async function noStreams({ app }: Stage): Promise<void> {
  while (app.streamSlots.open > 0) await new Promise(resolve => app.telemetry.once('streams', resolve))
}

test('a slow reader gets everything, in order', async t => {
  const stage = await start(t, { settings: { plugins: { passthrough: { stream_stall_s: 2 } } } })
  const { answer, id } = await call(stage, chat([goOn, fault('big_line', longAnswer)]))
  const { told, until } = slowness(stage)
  const socket = await unread(t, stage, id)
  const chunks: Buffer[] = []
  await until('ndjson pull')
  for await (const bytes of socket) chunks.push(bytes)
  const all = Buffer.concat(chunks)
  assert.ok(all.subarray(all.indexOf('\r\n\r\n') + 4).equals(bodyOf(answer)))
  assert.ok(!told.includes('ndjson closed'))
})

test('as many streams as a token may have are open at once, and one that ends makes room', async t => {
  const stage = await start(t, { settings: { limits: { max_streams: 2 } } })
  const first = begin(stage.url, chat([goOn, fault('stall', { after: 2 })]))
  const id = fieldValue((await first.until(so => so.chunks.length === 2)).fields, 'foreman-job-id')!
  const followers = [1, 2].map(() => begin(stage.url, streamOf(id)))
  for (const follower of followers) await follower.until(so => so.chunks.length > 0)
  const refused = await ask(stage, streamOf(id))
  assert.deepEqual([statusOf(refused), codeOf(refused)], [429, 'too_many_streams'])
  for (const follower of followers) follower.leave()
  await noStreams(stage)
  const next = begin(stage.url, streamOf(id))
  assert.equal(statusOf(await next.until(so => so.chunks.length > 0)), 200)
  next.leave()
  await noStreams(stage)
  stage.app.queue.cancel(id)
})

test('a stream ends when its token is revoked, and the job goes on', async t => {
  const stage = await start(t, { settings: { plugins: { auth: {} } } })
  const admin = readFileSync(join(stage.app.settings.data_dir, 'admin-token'), 'utf8').trim()
  const as = (token: string): HeaderField => ['Authorization', `Bearer ${token}`]
  const made = await ask(stage, {
    ...{ method: 'POST', path: '/tokens', fields: [as(admin), ['Content-Type', 'application/json']] },
    body: JSON.stringify({ name: 'reader', scopes: ['inference', 'jobs:read'] })
  })
  const { id: tokenId, token } = problem(made)
  const first = begin(stage.url, chat([goOn, as(token), fault('stall', { after: 2 })]))
  const id = fieldValue((await first.until(so => so.chunks.length === 2)).fields, 'foreman-job-id')!
  const follower = begin(stage.url, { ...streamOf(id), fields: [as(token)] })
  await follower.until(so => so.chunks.length > 0)
  await ask(stage, { method: 'DELETE', path: `/tokens/${tokenId}`, fields: [as(admin)] })
  await assert.rejects(
    follower.until(so => so.complete),
    /connection closed/
  )
  await noStreams(stage)
  assert.equal(stage.app.jobs.get(id)!.state, 'working')
  stage.app.queue.cancel(id)
})
