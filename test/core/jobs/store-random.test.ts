/** Random interleavings of everything that may happen to jobs, crashes included, held against the table. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../../core/jobs/job.ts'
import { recover } from '../../../core/jobs/recovery.ts'
import { hasEnded, mayBecome } from '../../../core/jobs/states.ts'
import { JobChangedError, TransitionError } from '../../../core/jobs/store.ts'
import fc from '../../helpers/fast-check.ts'
import { answerOf, type Bench, benchOn, openDatabase } from './fixtures.ts'

/** Somebody acts on a job as they read it last, which may be long ago: so it is with several actors. */
type Act = 'load' | 'work' | 'finish' | 'fail' | 'retry' | 'cancel' | 'expire' | 'reread'
type Step = { readonly act: Act; readonly of: number } | 'crash' | 'accept' | 'attach'

const acts: readonly Act[] = ['load', 'work', 'finish', 'fail', 'retry', 'cancel', 'expire', 'reread']
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ act: fc.constantFrom(...acts), of: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constantFrom<Step[]>('crash', 'accept', 'attach') }
)

function act({ store }: Bench, job: Job, what: Act): Job {
  if (what === 'load') return store.move(job, 'loading', { attempt: job.attempt + 1 })
  if (what === 'work') return store.move(job, 'working', { attempt: Math.max(1, job.attempt) })
  if (what === 'finish') return store.move(job, 'done', { result: answerOf('{}') })
  if (what === 'fail') return store.move(job, 'failed')
  if (what === 'retry') return store.move(job, 'queued')
  if (what === 'expire') return store.move(job, 'expired')
  if (what === 'reread') return store.get(job.id)!
  return store.move(job, job.state === 'queued' ? 'canceled' : 'canceling')
}

function run(bench: Bench, steps: readonly Step[]): void {
  const held: Job[] = [bench.accept(), bench.accept({ attached: true }), bench.accept({ maxAttempts: 1 })]
  for (const one of steps) {
    if (one === 'accept') held.push(bench.accept())
    else if (one === 'attach') held.push(bench.accept({ attached: true }))
    else if (one === 'crash') recover(bench.db, bench.store)
    else tryAct(bench, held, one)
  }
}

function tryAct(bench: Bench, held: Job[], { act: what, of }: Exclude<Step, string>): void {
  const index = of % held.length
  try {
    held[index] = act(bench, held[index]!, what)
  } catch (err) {
    assert.ok(err instanceof TransitionError || err instanceof JobChangedError, String(err))
  }
}

interface Logged {
  readonly jobSeq: number
  readonly seq: number
  readonly state: Job['state']
  readonly previous: Job['state'] | null
}

function storyOf({ db }: Bench): Map<number, Logged[]> {
  const rows = db
    .prepare(
      `SELECT job_seq AS jobSeq, seq, data ->> 'state' AS state, data ->> 'previous_state' AS previous
       FROM event ORDER BY job_seq, seq`
    )
    .all() as Logged[]
  return Map.groupBy(rows, row => row.jobSeq)
}

test('no interleaving of cancel, finish, fail, retry and crash leaves the table of states', t => {
  const db = openDatabase(t)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      db.exec('DELETE FROM job')
      const bench = benchOn(db)
      run(bench, steps)
      for (const [jobSeq, story] of storyOf(bench)) holds(bench, jobSeq, story)
    }),
    { numRuns: 200 }
  )
})

function holds({ db }: Bench, jobSeq: number, story: readonly Logged[]): void {
  const row = db.prepare('SELECT state, version, event_seq AS eventSeq FROM job WHERE seq = ?').get(jobSeq)
  assert.deepEqual(row, { state: story.at(-1)!.state, version: story.length, eventSeq: story.length })
  for (const [index, { seq, state, previous }] of story.entries()) {
    assert.equal(seq, index + 1, 'seq has no gap')
    const before = story[index - 1]?.state ?? null
    assert.equal(previous, before)
    if (before === null) continue
    assert.ok(mayBecome(before, state), `${before} to ${state}`)
    assert.ok(!hasEnded(before), 'an ended job never changes again')
    if (before === 'canceling') assert.equal(state, 'canceled')
  }
}

test('after a crash nothing is left loading, working or canceling, and no attached job is queued', t => {
  const db = openDatabase(t)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      db.exec('DELETE FROM job')
      const bench = benchOn(db)
      run(bench, [...steps, 'crash'])
      const left = `state IN ('loading', 'working', 'canceling') OR (state = 'queued' AND attached = 1)`
      assert.equal(db.prepare(`SELECT count(*) FROM job WHERE ${left}`).pluck().get(), 0)
      assert.deepEqual(recover(db, bench.store), { requeued: 0, failed: 0, interrupted: 0, canceled: 0 })
    }),
    { numRuns: 100 }
  )
})
