/** Some random orders from a fixed seed; `npm run chaos` plays more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playModel } from './play.ts'

const minuteMs = 60_000

test('in whatever order jobs are handed in, run, fail, are canceled and cut off, the table of states holds', {
  timeout: 5 * minuteMs
}, async t => {
  const played = await playModel(t, { runs: 30, seed: 20_260_801 })
  t.diagnostic(JSON.stringify(Object.fromEntries(played)))
  assert.ok(played.has('crash') && played.has('cancelInRace') && played.has('restart'))
})
