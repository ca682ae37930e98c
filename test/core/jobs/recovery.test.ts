import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job, NewJob } from '../../../core/jobs/job.ts'
import { recover } from '../../../core/jobs/recovery.ts'
import type { JobState } from '../../../core/jobs/states.ts'
import { type Bench, openBench } from './fixtures.ts'
import { fullScans, statementsOf } from './plans.ts'

function leftIn({ store, accept }: Bench, states: readonly JobState[], part: Partial<NewJob> = {}): Job {
  return states.reduce((job, state) => {
    const begins = job.state === 'queued'
    return store.move(job, state, begins ? { attempt: job.attempt + 1 } : {})
  }, accept(part))
}

function summary({ store }: Bench, { id }: Job): unknown[] {
  const { state, attempt, error } = store.get(id)!
  return [state, attempt, error?.code]
}

test('each job that a dead process left in the middle goes where it belongs', t => {
  const bench = openBench(t)
  const left: [Job, unknown[]][] = [
    [leftIn(bench, ['loading']), ['queued', 1, 'interrupted']],
    [leftIn(bench, ['working']), ['queued', 1, 'interrupted']],
    [leftIn(bench, ['working'], { maxAttempts: 1 }), ['failed', 1, 'interrupted']],
    [leftIn(bench, ['working', 'queued', 'working'], { maxAttempts: 2 }), ['failed', 2, 'interrupted']],
    [leftIn(bench, ['working', 'canceling']), ['canceled', 1, undefined]],
    [leftIn(bench, ['loading', 'canceling'], { attached: true }), ['canceled', 1, undefined]],
    [leftIn(bench, [], { attached: true }), ['failed', 0, 'interrupted']],
    [leftIn(bench, ['loading'], { attached: true }), ['failed', 1, 'interrupted']],
    [leftIn(bench, ['working'], { attached: true }), ['failed', 1, 'interrupted']]
  ]
  assert.deepEqual(recover(bench.db, bench.store), { requeued: 2, failed: 2, interrupted: 3, canceled: 2 })
  for (const [job, expected] of left) assert.deepEqual(summary(bench, job), expected)
})

test('waiting and ended jobs stay as they are', t => {
  const bench = openBench(t)
  const jobs = [
    bench.accept(),
    bench.accept({ availableAt: Date.now() + 60_000 }),
    leftIn(bench, ['working', 'done']),
    leftIn(bench, ['working', 'failed'], { attached: true }),
    leftIn(bench, ['canceled']),
    leftIn(bench, ['expired'])
  ]
  const before = jobs.map(job => bench.store.get(job.id))
  assert.deepEqual(recover(bench.db, bench.store), { requeued: 0, failed: 0, interrupted: 0, canceled: 0 })
  assert.deepEqual(
    jobs.map(job => bench.store.get(job.id)),
    before
  )
})

test('a job that goes back may run at once, and its event says that it is a retry', t => {
  const bench = openBench(t)
  const job = leftIn(bench, ['working'])
  const before = Date.now()
  recover(bench.db, bench.store)
  const { availableAt } = bench.store.get(job.id)!
  assert.ok(availableAt >= before && availableAt <= Date.now())
  assert.equal(bench.db.prepare('SELECT ready FROM job').pluck().get(), 1)
  const { event } = bench.events.at(-1)!
  assert.deepEqual([event.type, event.attempt, event.data.previous_state], ['job.retrying', 1, 'working'])
})

test('a start looks for what was left without reading all jobs', t => {
  const { db, store } = openBench(t)
  const statements = statementsOf(db, () => recover(db, store))
  assert.equal(statements.length, 1)
  assert.deepEqual(fullScans(db, statements[0]!), [])
})
