import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../../core/jobs/job.ts'
import { recover } from '../../../core/jobs/recovery.ts'
import type { RunRecord } from '../../../core/jobs/runs.ts'
import type { Change } from '../../../core/jobs/store.ts'
import { type Bench, openBench, rowsOf } from './fixtures.ts'

/** A job at work since its clock showed `at`. */
function atWork({ store, accept }: Bench, at: number, attached = false): Job {
  return store.move(accept({ attached, model: 'llama3.2', runner: 'r' }), 'working', {
    attempt: 1,
    startedAt: at
  })
}

const interrupted = { code: 'interrupted', message: 'stopped', retryable: true, attempt: 1 }
const broke = { code: 'target_truncated', message: 'cut', retryable: true, attempt: 1 }

const ends: readonly [title: string, state: 'done' | 'failed' | 'queued', change: Change, outcome: string][] =
  [
    ['done', 'done', {}, 'done'],
    ['failed for good', 'failed', { error: broke }, 'failed'],
    ['to be tried again', 'queued', { error: broke, availableAt: 90 }, 'failed'],
    ['stopped with foreman', 'queued', { error: interrupted }, 'interrupted'],
    ['never connected', 'queued', { error: broke, attempt: 0 }, 'unreached']
  ]

for (const [title, state, change, outcome] of ends) {
  test(`an attempt that is ${title} leaves a run`, t => {
    let clock = 10
    const bench = openBench(t, () => clock)
    const working = atWork(bench, 20)
    clock = 50
    bench.store.move(working, state, change)
    const run: RunRecord = {
      ...{ jobSeq: working.seq, runner: 'r', model: 'llama3.2', attempt: 1, outcome: outcome as 'done' },
      ...{ beganAt: 20, endedAt: 50, prefillMs: null, generationMs: null }
    }
    assert.deepEqual(
      bench.store.runs.newest(9).map(found => ({ ...run, ...found, seq: undefined })),
      [{ ...run, seq: undefined }]
    )
  })
}

test("an attached job's attempt is recorded too, with the target's own times", t => {
  let clock = 10
  const bench = openBench(t, () => clock)
  const working = atWork(bench, 20, true)
  clock = 50
  const done = bench.store.move(working, 'done', { took: { prefillMs: 4.5, generationMs: 25 } })
  const { prefillMs, generationMs } = bench.store.runs.last(done)!
  assert.deepEqual([prefillMs, generationMs], [4.5, 25])
})

test('a cancel is no end of the attempt; leaving the target is', t => {
  let clock = 10
  const bench = openBench(t, () => clock)
  const canceling = bench.store.move(atWork(bench, 20), 'canceling')
  assert.deepEqual(rowsOf(bench.db, 'run'), [])
  clock = 60
  const canceled = bench.store.move(canceling, 'canceled')
  assert.deepEqual([bench.store.runs.last(canceled)?.outcome, canceled.finishedAt], ['canceled', 60])
})

test('an attempt that ends in its load has not been on the target', t => {
  const bench = openBench(t)
  const loading = () => bench.store.move(bench.accept(), 'loading', { attempt: 1, startedAt: 1 })
  bench.store.move(loading(), 'queued', { error: broke })
  bench.store.move(bench.store.move(loading(), 'canceling'), 'canceled')
  assert.deepEqual(rowsOf(bench.db, 'run'), [])
})

test('what a dead process left at work ended when it died, as interrupted', t => {
  let clock = 10
  const bench = openBench(t, () => clock)
  const [kept, attached, canceling] = [atWork(bench, 20), atWork(bench, 21, true), atWork(bench, 22)]
  bench.store.move(canceling, 'canceling')
  clock = 500
  recover(bench.db, bench.store, { at: 100 })
  // In the order of their states.
  const runs = bench.store.runs.newest(9).sort((a, b) => a.jobSeq - b.jobSeq)
  assert.deepEqual(
    runs.map(({ jobSeq, beganAt, endedAt, outcome }) => [jobSeq, beganAt, endedAt, outcome]),
    [
      [kept.seq, 20, 100, 'interrupted'],
      [attached.seq, 21, 100, 'interrupted'],
      [canceling.seq, 22, 100, 'canceled']
    ]
  )
})

test('an attempt and its run are stored together or not at all', t => {
  const bench = openBench(t)
  const working = atWork(bench, 20)
  bench.db.exec("CREATE TRIGGER full BEFORE INSERT ON run BEGIN SELECT RAISE (ABORT, 'no'); END")
  assert.throws(() => bench.store.move(working, 'done'), /no/)
  assert.deepEqual(bench.store.get(working.id), working)
})
