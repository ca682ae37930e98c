/** Cuts with a fixed seed; `npm run chaos` cuts at every byte offset. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playCuts } from './cuts/play.ts'

const minuteMs = 60_000

test('streams that are cut anywhere, under kills and stops of foreman too, cost their followers nothing', {
  timeout: 3 * minuteMs
}, async t => {
  const tally = await playCuts(t, { seed: 20_261_123, offsets: 14, kills: 2 })
  for (const line of tally.lines()) t.diagnostic(line)
  assert.ok(tally.cuts > 500, `${tally.cuts} cuts`)
  // Or these parts would say nothing.
  assert.ok(tally.begunAnew > 0 && tally.gaps > 0)
})
