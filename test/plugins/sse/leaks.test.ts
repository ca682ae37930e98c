/** What a thousand clients that came and went leave behind: nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '../../helpers/event-stream.ts'
import { slowly, startStage } from './stage.ts'

const rounds = 20
const atOnce = 50

/** How many there are of each kind of handle, timers included. */
function handles(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

test('a thousand connections that are cut leave no listener, no timer, no follower and no place', async t => {
  const stage = await startStage(t, { ...slowly, token_count: 100_000 })
  const { app } = stage
  const { id } = await stage.submit()
  await stage.all(
    `/jobs/${(await stage.submit({ model: 'alpha', prompt: 'x', not_before: later() })).id}/events`,
    {
      cutAfterBytes: 20
    }
  )
  const look = () => ({
    listeners: (['event', 'stored', 'kept'] as const).map(name => app.jobEvents.listenerCount(name)),
    moments: (['streams', 'streamSlow', 'streamEvents'] as const).map(name =>
      app.telemetry.listenerCount(name)
    ),
    followers: app.followers.size,
    places: app.streamSlots.open,
    timers: handles().Timeout,
    sockets: handles().TCPSocketWrap ?? 0
  })
  const settled = async () => {
    while (app.streamSlots.open > 0 || app.followers.size > 0)
      await new Promise(resolve => setTimeout(resolve, 10))
  }
  await settled()
  const before = look()
  for (let round = 0; round < rounds; round += 1) {
    const cut = async (one: number) => {
      const path = one % 3 === 0 ? '/events?after=latest' : `/jobs/${id}/events`
      const stream = await connect(stage.url + path, { cutAfterBytes: (one * 37) % 400 })
      await stream.rest()
    }
    await Promise.all(Array.from({ length: atOnce }, (_none, at) => cut(round * atOnce + at)))
  }
  await settled()
  const after = look()
  assert.deepEqual({ ...after, timers: 0, sockets: 0 }, { ...before, timers: 0, sockets: 0 })
  // Foreman's own timers come and go; those of a thousand streams would be two thousand more.
  assert.ok((after.timers ?? 0) <= (before.timers ?? 0) + 5, JSON.stringify([before, after]))
  assert.ok(after.sockets <= before.sockets + 5, JSON.stringify([before, after]))
})

function later(): string {
  return new Date(Date.now() + 3_600_000).toISOString()
}
