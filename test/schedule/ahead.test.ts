/** Thinking ahead with the schedule: when it says that a turn ends, and copies of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { priorities } from '../../core/jobs/priority.ts'
import type { Head } from '../../core/jobs/waiting.ts'
import { LoadTimes } from '../../core/queue/load-times.ts'
import { ReturnGaps } from '../../core/queue/return-gaps.ts'
import { Schedule } from '../../core/queue/schedule.ts'
import { testSeed } from '../helpers/seed.ts'
import { defaultRules } from './simulation.ts'
import { seeded } from './workloads.ts'

const secondMs = 1000
const runners = ['a', 'b', 'c', 'd']

function served(schedule: Schedule, heads: readonly Head[], now: number): string | undefined {
  const decision = schedule.decide(heads, now)
  return typeof decision === 'object' && 'serve' in decision ? decision.serve : undefined
}

test('a turn with work ends when the schedule says so, no sooner and no later, and a copy ends it likewise', t => {
  const seed = testSeed
  t.diagnostic(`TEST_SEED=${seed}`)
  const random = seeded(seed)
  const upTo = (most: number) => Math.floor(random() * most)
  const loadTimes = new LoadTimes()
  for (const runner of runners) loadTimes.record(runner, 1 + upTo(60 * secondMs))
  const schedule = new Schedule(defaultRules().rules, loadTimes, new ReturnGaps())
  let now = 0
  for (let i = 0; i < 2000; i++) {
    const drawn = (runner: string): Head[] =>
      priorities.flatMap(priority => {
        const head = { runner, priority, dueAt: now + upTo(1200 * secondMs) - 600 * secondMs }
        return random() < 0.5 ? [head] : []
      })
    const { resident } = schedule
    const own: Head[] = resident === undefined ? [] : [{ runner: resident, priority: 'normal', dueAt: now }]
    const others = runners.filter(runner => runner !== resident).flatMap(drawn)
    const heads = [
      ...own,
      ...others,
      { runner: resident === 'a' ? 'b' : 'a', priority: 'batch', dueAt: now }
    ] as const
    const end = schedule.endsAt(heads, now)
    const copy = schedule.copy(runners)
    assert.ok(end >= now)
    if (resident !== undefined && end > now + 1) assert.equal(served(schedule, heads, end - 1), resident)
    now = Math.ceil(end)
    const next = served(schedule, heads, now)
    assert.ok(next !== undefined && next !== resident, `${next} at ${now}`)
    assert.equal(served(copy, heads, now), next)
    schedule.leave(next, heads, now)
    now += loadTimes.of(next)
    schedule.begin(next, now)
    now += upTo(100 * secondMs)
  }
})
