/** The target goes away and comes back again and again; `npm run chaos -- --flaps 50` is the long run. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { startForeman } from '../helpers/foreman.ts'
import { playFlaps } from './support/flapping.ts'
import { startGate } from './support/gate.ts'
import { ended, ready, submit } from './support/jobs.ts'
import { startFake, withShortPauses } from './support/rig.ts'

const minuteMs = 60_000

test('a target that flaps costs each job only the attempts that were cut, and nobody starves', {
  timeout: 2 * minuteMs
}, async t => {
  const figures = await playFlaps(t, { flaps: 10, jobs: 60, seed: 20_260_901 })
  t.diagnostic(JSON.stringify(figures))
  const { chargedRuns, chargedLoads, kills } = figures
  // The seed does some of each, or the run would say nothing.
  for (const count of [chargedRuns + chargedLoads, kills, figures.flaps - kills]) assert.ok(count > 0)
})

test('a target that is away is probed ever less often, and the first probe after its return ends the pause', async t => {
  const fake = await startFake(t)
  const gate = await startGate(t, fake.url)
  const settings = withShortPauses({ poll: { probe_max_s: 30 } })
  const { app } = await startForeman(t, { target: gate.url, settings })
  await ready(app)
  gate.hangUp()
  await once(app.reachability, 'down')
  const [job] = submit(app, {})
  const times = [performance.now()]
  const before = gate.hangUps.length
  while (gate.hangUps.length < before + 2) await once(gate.server, 'connection')
  times.push(...gate.hangUps.slice(before))
  const since = (await fake.state()).events.at(-1)!.seq
  await gate.open()
  await once(app.reachability, 'up')
  times.push(performance.now())
  for (const [n, pauseMs] of [500, 1000, 2000].entries()) {
    // What is seen of a pause begins a little after it.
    const seenMs = times[n + 1]! - times[n]!
    assert.ok(seenMs >= 0.9 * pauseMs, `pause ${n} of ${pauseMs} ms ended after ${seenMs}`)
  }
  assert.equal((await ended(app, job!.id)).state, 'done')
  const [first] = await fake.waitFor('request', 1, { since })
  assert.equal(first?.detail, 'GET /api/version')
})
