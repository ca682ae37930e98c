import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../../core/jobs/job.ts'
import { hasEnded, type JobState, jobStates, mayBecome } from '../../../core/jobs/states.ts'
import { TransitionError } from '../../../core/jobs/store.ts'
import { type Bench, openBench, rowsOf } from './fixtures.ts'

/** The table of the design, written out a second time. */
const allowed: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['loading', 'working', 'canceled', 'expired', 'failed'],
  loading: ['working', 'queued', 'canceling', 'failed'],
  working: ['done', 'queued', 'canceling', 'failed'],
  canceling: ['canceled'],
  done: [],
  failed: [],
  canceled: [],
  expired: []
}

/** How a new job gets into each state. */
const wayTo: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: [],
  loading: ['loading'],
  working: ['working'],
  canceling: ['working', 'canceling'],
  done: ['working', 'done'],
  failed: ['failed'],
  canceled: ['canceled'],
  expired: ['expired']
}

function jobIn(bench: Bench, state: JobState): Job {
  return wayTo[state].reduce((job, next) => bench.store.move(job, next), bench.accept())
}

test('the states are the eight of the table, and four of them are ends', () => {
  assert.deepEqual(jobStates, Object.keys(allowed))
  assert.deepEqual(jobStates.filter(hasEnded), ['done', 'failed', 'canceled', 'expired'])
})

for (const from of Object.keys(allowed) as JobState[]) {
  test(`a job that is ${from} goes where the table says and nowhere else`, t => {
    const bench = openBench(t)
    for (const to of jobStates) {
      const job = jobIn(bench, from)
      assert.equal(mayBecome(from, to), allowed[from].includes(to), `${from} to ${to}`)
      if (allowed[from].includes(to)) moves(bench, job, to)
      else changesNothing(bench, job, to)
    }
  })
}

function moves({ store, events }: Bench, job: Job, to: JobState): void {
  const moved = store.move(job, to)
  const { state, previousState, version, eventSeq } = moved
  assert.deepEqual(
    { state, previousState, version, eventSeq },
    { state: to, previousState: job.state, version: job.version + 1, eventSeq: job.eventSeq + 1 }
  )
  assert.deepEqual(store.get(job.id), moved)
  const type = to === 'queued' ? 'job.retrying' : `job.${to}`
  assert.equal(events.at(-1)?.event.type, type)
  assert.equal(moved.finishedAt !== null && moved.expiresAt === moved.finishedAt + 1000, hasEnded(to))
}

function changesNothing({ db, store, events }: Bench, job: Job, to: JobState): void {
  const before = [rowsOf(db, 'job'), rowsOf(db, 'event'), events.length]
  assert.throws(() => store.move(job, to), TransitionError)
  assert.deepEqual([rowsOf(db, 'job'), rowsOf(db, 'event'), events.length], before)
}
