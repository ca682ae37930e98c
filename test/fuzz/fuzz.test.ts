/** A few thousand requests from a fixed seed; `npm run chaos` sends more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzz } from './play.ts'

const minuteMs = 60_000

test('whatever comes over the wire, no route answers 500, and what is refused is told by code and place', {
  timeout: 5 * minuteMs
}, async t => {
  const { routes, answers, barren } = await fuzz(t, { requests: 8000, seed: 20_260_801 })
  t.diagnostic(`${routes} routes, answers: ${JSON.stringify(answers)}`)
  assert.deepEqual(barren, [], 'routes of which nothing but refusals was seen')
})
