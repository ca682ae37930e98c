/** Kills under webhooks with a fixed seed; `npm run chaos` makes more of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playWebhooks } from './webhooks/play.ts'

const minuteMs = 60_000

test('foreman killed 10 times under 1 000 jobs with webhooks tells each of their ends', {
  timeout: 20 * minuteMs
}, async t => {
  const figures = await playWebhooks(t, { kills: 10, jobs: 1000, seed: 20_261_124 })
  t.diagnostic(JSON.stringify(figures))
  // Or the run would say nothing.
  const { jobs, own, standing } = figures
  assert.ok(own.repeated > 0 && own.failed > 0 && jobs.done! > 0 && jobs.canceled! > 0)
  assert.ok(standing.failed > 0 && standing.calls > standing.messages)
})
