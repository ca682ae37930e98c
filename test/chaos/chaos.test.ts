/** A short run of chaos with a fixed seed; `npm run chaos` is the long one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { play } from './play.ts'

const minuteMs = 60_000

test('random kills, faults and cancels cost no accepted job, and no job ends twice', {
  timeout: 2 * minuteMs
}, async t => {
  const figures = await play(t, { rounds: 4, seed: 20_260_701 })
  t.diagnostic(JSON.stringify(figures))
  // The seed does all of it, or the run would say nothing.
  const { accepted, calls, cancels, foremanKills, targetKills, faults } = figures
  for (const count of [accepted, calls, cancels, foremanKills, targetKills, faults]) assert.ok(count > 0)
})
