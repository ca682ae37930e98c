/** Clients that do not take what they asked for. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type EventStream, eventsIn } from '../../helpers/event-stream.ts'
import type { SettingsPart } from '../../helpers/foreman.ts'
import { holdTimers } from '../../helpers/held-timers.ts'
import { assertEnd, type Stage, startStage, textOf } from './stage.ts'

/** More than the buffers of the system and of foreman hold, at a rate that a client that reads keeps up with. */
const answer = { token_count: 1000, token_delay_ms: 1, word: 'x'.repeat(16_000) }
const answerLength = answer.token_count * answer.word.length

/** A client that has stopped reading, and a foreman that has done this about it. */
async function blocked(
  t: TestContext,
  sse: SettingsPart,
  action: 'pull' | 'closed' = 'pull'
): Promise<{ stage: Stage; id: string; stream: EventStream }> {
  const models = [{ name: 'alpha', ...answer }]
  const stage = await startStage(t, { models }, sse, { limits: { shutdown_s: 0 } })
  await stage.ask('POST', '/queue/pause')
  const { id } = await stage.submit()
  const stream = await stage.follow(`/jobs/${id}/events`)
  await stream.until(({ event }) => event === 'job.queued')
  stream.pause()
  const slow = new Promise<void>(resolve =>
    stage.app.telemetry.on('streamSlow', (transport, told) => {
      if (transport === 'sse' && told === action) resolve()
    })
  )
  await stage.ask('POST', '/queue/resume')
  await slow
  return { stage, id, stream }
}

test('one that comes back to reading gets everything, in order, once', async t => {
  const { stage, id, stream } = await blocked(t, {})
  await stage.ended(id)
  stream.resume()
  const blocks = await stream.rest()
  assertEnd(blocks, 'terminal')
  const events = eventsIn(blocks)
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_event, at) => at + 2)
  )
  assert.equal(events.at(-1)!.seq, stage.app.jobs.get(id)!.eventSeq)
  assert.ok(textOf(events).length >= answerLength)
})

test('one that takes nothing is cut after its time, and leaves nothing behind', async t => {
  const { stage, stream } = await blocked(t, { stall_s: 0.3, heartbeat_s: 0.05 }, 'closed')
  stream.resume()
  await stream.rest()
  assert.equal(stream.broke, true)
  assert.deepEqual([stage.app.followers.size, stage.app.streamSlots.open], [0, 0])
})

test('one that takes nothing holds a stop up until a second is over, and is cut then', async t => {
  const { stage, stream } = await blocked(t, { stall_s: 3600 })
  const second = holdTimers(t, 1000)
  const closed = stage.app.close()
  await second.waiting()
  assert.equal(stage.app.streamSlots.open, 1)
  second.run()
  await closed
  assert.equal(stage.app.streamSlots.open, 0)
  stream.resume()
  await stream.rest()
  assert.equal(stream.broke, true)
})

test('a job that is removed while a client is slow ends its stream, and the client is told when it comes back', async t => {
  const { stage, id, stream } = await blocked(t, {})
  await stage.ended(id)
  assert.equal((await stage.ask('DELETE', `/jobs/${id}`)).status, 204)
  stream.resume()
  const blocks = await stream.rest()
  assert.equal(stream.broke, true)
  assert.ok(!blocks.some(({ event }) => event === 'stream.end'))
  const again = await stage.follow(`/jobs/${id}/events`, { lastEventId: stream.lastEventId! })
  assert.equal(again.status, 410)
})
