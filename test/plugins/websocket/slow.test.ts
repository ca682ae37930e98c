/** Clients that read slowly, or not at all. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { holdTimers } from '../../helpers/held-timers.ts'
import { chatBody, type Stage, startStage } from '../jobs/stage.ts'
import { Client, RawClient, textFrame } from './client.ts'

const talkative = (tokens: number) => ({ ...chatBody, options: { num_predict: tokens } })
const ping = { op: 'ping', ref: 'p' }

/** A job whose story, told forty times, is far more than the kernel holds for a connection. */
async function longStory(stage: Stage): Promise<{ id: string; length: number }> {
  const { id } = await stage.submit(talkative(40_000))
  await stage.ended(id)
  return { id, length: stage.app.jobs.get(id)!.eventSeq }
}

const subscriptions = Array.from({ length: 38 }, (_, index) => `s${index}`)
const small = { plugins: { websocket: { buffer_bytes: 65_536, stall_s: 0.5 } } }

test('a client that never reads is closed, and nothing is kept for it', async t => {
  const stage = await startStage(t, {}, small)
  const { id } = await longStory(stage)
  const { app, url } = stage
  const actions: string[] = []
  const closed = new Promise<void>(resolve => {
    app.telemetry.on('streamSlow', (_transport, action) => {
      actions.push(action)
      if (action === 'closed') resolve()
    })
  })
  const client = await Client.open(t, url)
  // What waits is read before the goodbye, which may take longer than that may go unanswered.
  holdTimers(t, 2000)
  client.ws.pause()
  for (const ref of subscriptions) client.send({ op: 'subscribe', ref, job_id: id })
  await closed
  assert.equal(app.followers.size, 0)
  client.ws.resume()
  assert.deepEqual(await client.closed, { code: 4413, reason: 'what was sent is not read' })
  assert.equal(actions.at(-1), 'closed')
})

test('one that sends and never reads is closed too', async t => {
  const stage = await startStage(t, {}, small)
  const { id } = await longStory(stage)
  const raw = await RawClient.upgraded(t, stage.url)
  raw.socket.pause()
  const closed = new Promise(resolve => stage.app.telemetry.once('streams', resolve))
  for (const ref of subscriptions) {
    raw.write(textFrame(JSON.stringify({ op: 'subscribe', ref, job_id: id })))
  }
  // No faster than frames are read, and often enough to keep any timer from running out.
  const sending = setInterval(() => raw.write(textFrame(JSON.stringify(ping))), 100)
  t.after(() => clearInterval(sending))
  assert.deepEqual(await closed, 'ws')
  assert.equal(stage.app.streamSlots.open, 0)
})

test('a client that reads slowly gets all of it, once and in order, from the log', async t => {
  const stage = await startStage(t, {}, { plugins: { websocket: { buffer_bytes: 65_536 } } })
  const { id, length } = await longStory(stage)
  const client = await Client.open(t, stage.url)
  // Some of it, then nothing for a moment, again and again.
  const reading = setInterval(() => (client.ws.isPaused ? client.ws.resume() : client.ws.pause()), 5)
  t.after(() => clearInterval(reading))
  for (const ref of subscriptions) client.send({ op: 'subscribe', ref, job_id: id })
  for (const ref of subscriptions) {
    const seqs = (await client.story(ref)).map(({ seq }) => seq)
    assert.deepEqual(
      seqs,
      Array.from({ length }, (_, index) => index + 1)
    )
  }
})

test('one that falls behind while a job runs is told the rest from the log', async t => {
  const stage = await startStage(t, {}, { plugins: { websocket: { buffer_bytes: 65_536 } } })
  const pulled = new Promise(resolve => stage.app.telemetry.once('streamSlow', resolve))
  const client = await Client.open(t, stage.url)
  const { id } = await stage.submit(talkative(100_000))
  for (const ref of subscriptions) await client.send({ op: 'subscribe', ref, job_id: id }).answer(ref)
  client.ws.pause()
  await pulled
  await stage.ended(id)
  client.ws.resume()
  const { length } = await client.story('s0')
  assert.equal(length, stage.app.jobs.get(id)!.eventSeq)
  for (const ref of subscriptions) {
    assert.deepEqual(
      (await client.story(ref)).map(({ seq }) => seq),
      Array.from({ length }, (_, index) => index + 1)
    )
  }
})

test('one that is behind when its job is removed is told that the rest is gone', async t => {
  const stage = await startStage(t, {}, { plugins: { websocket: { buffer_bytes: 65_536 } } })
  const { id } = await longStory(stage)
  const client = await Client.open(t, stage.url)
  client.ws.pause()
  const joined = once(stage.app.followers, 'joined')
  for (const ref of subscriptions) client.send({ op: 'subscribe', ref, job_id: id })
  await joined
  assert.equal((await stage.ask('DELETE', `/jobs/${id}`)).status, 204)
  client.ws.resume()
  const { ref, problem } = await client.until(
    ({ op, ref }) => op === 'error' && client.frames.some(frame => frame.op === 'ack' && frame.ref === ref)
  )
  assert.equal(problem?.code, 'job_data_removed')
  assert.ok(!client.frames.some(({ op, sub }) => op === 'end' && sub === ref))
})
