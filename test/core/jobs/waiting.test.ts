import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../../core/jobs/job.ts'
import { priorities } from '../../../core/jobs/priority.ts'
import { type Head, WaitingJobs } from '../../../core/jobs/waiting.ts'
import fc from '../../helpers/fast-check.ts'
import { type Bench, benchOn, newJob, openBench, openDatabase } from './fixtures.ts'
import { fullScans, statementsOf } from './plans.ts'

/** The clock of these tests stands still; what is available later is delayed. */
const now = 100
const lane = 'worker'

interface Waiting {
  readonly runner: string
  readonly priority: Job['priority']
  readonly lane: string
  readonly availableAt: number
  readonly dueAt: number
  readonly startBy: number | undefined
  /** Taken by the worker already. */
  readonly taken: boolean
}

const anyWaiting: fc.Arbitrary<Waiting> = fc.record({
  runner: fc.constantFrom('a', 'b', 'b+num_ctx=1', 'ž', ''),
  priority: fc.constantFrom(...priorities),
  lane: fc.constantFrom(lane, lane, 'embed'),
  availableAt: fc.integer({ min: 95, max: 110 }),
  dueAt: fc.nat(20),
  startBy: fc.option(fc.integer({ min: 95, max: 110 }), { nil: undefined }),
  taken: fc.boolean()
})

/** Puts jobs in the place of those before. @returns the queued ones */
function fill(bench: Bench, jobs: readonly Waiting[]): Job[] {
  bench.db.exec('DELETE FROM job')
  const places = jobs.map(({ dueAt, taken: _taken, ...part }) => ({ dueAt, job: newJob(part) }))
  return bench.store.accept(places).filter((job, index) => {
    const taken = jobs[index]!.taken && job.availableAt <= now
    if (taken) bench.store.move(job, 'working')
    return !taken
  })
}

/** The heads as one would find them by reading every job. */
function naiveHeads(jobs: readonly Job[], at: number): Head[] {
  const heads = new Map<string, Head>()
  for (const { runner, priority, dueAt } of jobs.filter(job => job.lane === lane && job.availableAt <= at)) {
    const key = `${priority} ${runner}`
    if (dueAt < (heads.get(key)?.dueAt ?? Number.POSITIVE_INFINITY))
      heads.set(key, { runner, priority, dueAt })
  }
  return [...heads.values()]
}

function sorted(heads: readonly Head[]): string[] {
  return heads.map(head => `${head.runner} ${head.priority} ${head.dueAt}`).sort()
}

function naiveFirst(jobs: readonly Job[], head: Head, at: number): Job | undefined {
  return jobs
    .filter(job => job.lane === lane && job.runner === head.runner && job.priority === head.priority)
    .filter(job => job.availableAt <= at)
    .sort((a, b) => a.dueAt - b.dueAt || a.seq - b.seq)[0]
}

function least(times: readonly (number | null)[]): number | undefined {
  const given = times.filter(time => time !== null)
  return given.length === 0 ? undefined : Math.min(...given)
}

test('every answer equals the one that reading all jobs gives', t => {
  const db = openDatabase(t)
  const bench = benchOn(db, () => now)
  const waiting = new WaitingJobs(db)
  fc.assert(
    fc.property(
      fc.array(anyWaiting, { maxLength: 30 }),
      fc.integer({ min: now, max: 112 }),
      (jobs, later) => {
        const queued = fill(bench, jobs)
        answersAt(waiting, queued, now)
        const delayed = queued.filter(job => job.availableAt > now)
        assert.equal(waiting.promote(later), delayed.filter(job => job.availableAt <= later).length)
        answersAt(waiting, queued, later)
        assert.equal(waiting.promote(later), 0)
      }
    ),
    { numRuns: 200 }
  )
})

function answersAt(waiting: WaitingJobs, queued: readonly Job[], at: number): void {
  const heads = naiveHeads(queued, at)
  assert.deepEqual(sorted(waiting.heads(lane)), sorted(heads))
  for (const head of heads) assert.deepEqual(waiting.first(lane, head), naiveFirst(queued, head, at))
  const delayed = queued.filter(job => job.availableAt > at)
  assert.equal(waiting.nextAvailableAt(), least(delayed.map(job => job.availableAt)))
  assert.equal(waiting.nextStartBy(), least(queued.map(job => job.startBy)))
  const overdue = waiting.startOverdue(at)
  assert.deepEqual(
    overdue.map(job => job.id).sort(),
    queued
      .filter(job => job.startBy !== null && job.startBy <= at)
      .map(job => job.id)
      .sort()
  )
  assert.deepEqual(
    overdue.map(job => job.startBy),
    overdue.map(job => job.startBy).toSorted((a, b) => a! - b!)
  )
}

test('of overdue jobs a hundred come at a time, the longest overdue first', t => {
  const bench = openBench(t, () => now)
  bench.store.accept(Array.from({ length: 150 }, (_, n) => ({ job: newJob({ startBy: 150 - n }), dueAt: 0 })))
  const overdue = new WaitingJobs(bench.db).startOverdue(1000)
  assert.deepEqual(
    overdue.map(job => job.startBy),
    Array.from({ length: 100 }, (_, n) => n + 1)
  )
})

test('no question about waiting jobs reads the table from end to end', t => {
  const db = openDatabase(t)
  const statements = statementsOf(db, () => new WaitingJobs(db))
  assert.ok(statements.length >= 6, 'the statements are prepared where this test looks')
  for (const sql of statements) assert.deepEqual(fullScans(db, sql), [], sql)
  assert.deepEqual(fullScans(db, 'SELECT min(due_at) FROM job WHERE ready = 0'), ['SEARCH job'])
  assert.deepEqual(fullScans(db, 'SELECT id FROM job WHERE owner = ?'), ['SCAN job'])
})
