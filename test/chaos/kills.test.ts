/** Kills with a fixed seed; `npm run chaos` makes more of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playKills } from './kills/play.ts'

const minuteMs = 60_000

test('foreman killed 40 times under its callers keeps every promise it made over HTTP', {
  timeout: 10 * minuteMs
}, async t => {
  const figures = await playKills(t, { kills: 40, seed: 20_260_801 })
  for (const line of figures.lines()) t.diagnostic(line)
  // The moment between a file and its row is too short for so few kills to be sure to meet it.
  const missed = figures.missed.filter(hit => hit !== 'a file without its row')
  assert.deepEqual(missed, [], 'no kill met these')
})
