import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../../core/jobs/job.ts'
import { priorities } from '../../../core/jobs/priority.ts'
import { WaitingJobs } from '../../../core/jobs/waiting.ts'
import fc from '../../helpers/fast-check.ts'
import { benchOn, newJob, openDatabase } from './fixtures.ts'

const now = 100
const lane = 'worker'

const anyWaiting = fc.record({
  runner: fc.constantFrom('a', 'b'),
  priority: fc.constantFrom(...priorities),
  lane: fc.constantFrom(lane, lane, 'embed'),
  availableAt: fc.integer({ min: 95, max: 110 }),
  dueAt: fc.nat(6)
})

function naiveBefore(jobs: readonly Job[], job: Job): number {
  const same = jobs.filter(
    one => one.lane === job.lane && one.runner === job.runner && one.availableAt <= now
  )
  return same.filter(one => one.dueAt < job.dueAt || (one.dueAt === job.dueAt && one.seq < job.seq)).length
}

test('the jobs before a job are as many as reading all jobs tells', t => {
  const db = openDatabase(t)
  const bench = benchOn(db, () => now)
  const waiting = new WaitingJobs(db)
  fc.assert(
    fc.property(fc.array(anyWaiting, { maxLength: 30 }), wishes => {
      db.exec('DELETE FROM job')
      const jobs = wishes.map(({ dueAt, ...part }) => bench.store.accept([{ dueAt, job: newJob(part) }])[0]!)
      for (const job of jobs) assert.equal(waiting.countBefore(job), naiveBefore(jobs, job))
    }),
    { numRuns: 100 }
  )
})

test('the oldest jobs are those of each runner and class that may run', t => {
  let clock = 1
  const bench = benchOn(openDatabase(t), () => clock)
  const waiting = new WaitingJobs(bench.db)
  assert.deepEqual(waiting.oldest(lane), [])
  bench.accept({ availableAt: 1000 })
  clock = 2
  bench.accept({ lane: 'embed' })
  clock = 3
  const oldest = bench.accept({ runner: 'z', priority: 'batch' }, 900)
  clock = 4
  const urgent = bench.accept({ runner: 'a', priority: 'interactive' }, 10)
  bench.accept({ runner: 'a', priority: 'interactive' }, 11)
  assert.deepEqual(waiting.oldest(lane), [urgent, oldest])
})
