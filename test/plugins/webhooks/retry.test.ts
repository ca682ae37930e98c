import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../../plugins/webhooks/egress/sender.ts'
import { judge, type Verdict } from '../../../plugins/webhooks/retry.ts'
import { schedule } from './parts.ts'

const now = 1_700_000_000_000
const hourMs = 3_600_000

function verdictOn(
  outcome: Outcome,
  more: { tries?: number; once?: boolean; isOvertaken?: boolean } = {}
): Verdict {
  const tried = { tries: 1, once: false, isOvertaken: false, ...more }
  return judge({ outcome, retryAfterMs: null }, tried, schedule, now)
}

const failures: Outcome[] = ['3xx', '4xx', '429', '5xx', 'timeout', 'dns', 'connect', 'tls']

test('what was taken is delivered, whatever else is known of it', () => {
  for (const more of [{}, { tries: 11 }, { once: true }, { isOvertaken: true }])
    assert.deepEqual(verdictOn('2xx', more), { state: 'delivered' })
})

test('what may never be sent to is refused, and what is gone is given up, at once', () => {
  assert.deepEqual(verdictOn('ssrf_blocked'), { state: 'refused' })
  assert.deepEqual(verdictOn('410'), { state: 'exhausted', reason: 'gone' })
})

test('each failure is tried again after its wait, which is off by a fifth at most, and not always the same', () => {
  for (const outcome of failures) {
    for (const [index, waitMs] of schedule.entries()) {
      const waits = Array.from({ length: 40 }, () => verdictOn(outcome, { tries: index + 1 }).dueAt! - now)
      assert.ok(Math.min(...waits) >= waitMs * 0.8 && Math.max(...waits) <= waitMs * 1.2, `${waits}`)
      assert.ok(new Set(waits).size > 1)
    }
  }
})

test('eleven attempts within 75.6 hours, then it is given up', () => {
  assert.equal(schedule.length + 1, 11)
  assert.ok(Math.abs(schedule.reduce((sum, ms) => sum + ms, 0) / hourMs - 75.6) < 0.05)
  assert.deepEqual(verdictOn('5xx', { tries: 11 }), { state: 'exhausted', reason: 'attempts_used' })
})

test('a receiver that asks for more time gets it, and less does not make it sooner', () => {
  const tried = { tries: 1, once: false, isOvertaken: false }
  const later = judge({ outcome: '429', retryAfterMs: hourMs }, tried, schedule, now)
  assert.deepEqual(later, { state: 'retrying', dueAt: now + hourMs })
  const sooner = judge({ outcome: '429', retryAfterMs: 1 }, tried, schedule, now)
  assert.ok(sooner.dueAt! - now >= 4000)
})

test('a test is tried once, and what the end of the job overtook is not tried again', () => {
  for (const outcome of failures) {
    assert.deepEqual(verdictOn(outcome, { once: true }), { state: 'exhausted', reason: 'attempts_used' })
    assert.deepEqual(verdictOn(outcome, { isOvertaken: true }), { state: 'superseded' })
  }
})
