import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ForemanError } from '../../../core/errors.ts'
import type { Job } from '../../../core/jobs/job.ts'
import { WaitingJobs } from '../../../core/jobs/waiting.ts'
import { StartLimits } from '../../../core/queue/start-limits.ts'
import { newJob, openBench } from '../jobs/fixtures.ts'

/** Start limits on a real store. `ended` resolves once `count` jobs were ended. */
function openLimits(t: TestContext) {
  const bench = openBench(t)
  const ended: string[] = []
  let enough = () => {}
  let wanted = 0
  const { promise: failed, resolve: fail } = Promise.withResolvers<unknown>()
  const end = (job: Job, error: ForemanError) => {
    ended.push(`${job.seq} ${job.state} ${error.wireCode}`)
    if (ended.length >= wanted) enough()
  }
  const limits = new StartLimits(bench.store, new WaitingJobs(bench.db), end, fail)
  t.after(() => limits.stop())
  const whenEnded = (count: number) =>
    new Promise<string[]>(resolve => {
      wanted = count
      enough = () => resolve(ended)
      if (ended.length >= count) resolve(ended)
    })
  return { ...bench, limits, ended, whenEnded, failed }
}

const hourMs = 60 * 60 * 1000

test('limits that passed while foreman was away end their jobs at the start', t => {
  const { limits, ended, accept, store } = openLimits(t)
  const late = accept({ startBy: Date.now() - 1 })
  accept({ startBy: Date.now() + hourMs })
  accept()
  limits.start()
  assert.deepEqual(ended, ['1 expired start_timeout'])
  const { state, error } = store.get(late.id)!
  assert.deepEqual([state, error?.code, error?.attempt], ['expired', 'start_timeout', 0])
})

test('a job that is not started in time ends when its time is over, the earliest first', async t => {
  const { limits, whenEnded, accept, store } = openLimits(t)
  limits.start()
  // From one moment: a slow disk between the two must not change which is the earlier.
  const now = Date.now()
  const jobs = [40, 20].map(inMs => accept({ startBy: now + inMs }))
  for (const job of jobs) limits.watch(job)
  assert.deepEqual(await whenEnded(2), ['2 expired start_timeout', '1 expired start_timeout'])
  for (const job of jobs) assert.ok(store.get(job.id)!.finishedAt! >= job.startBy!)
})

test('a job that started in time is left alone', async t => {
  const { limits, whenEnded, accept, store } = openLimits(t)
  limits.start()
  const [started, other] = [accept({ startBy: Date.now() + 10 }), accept({ startBy: Date.now() + 20 })]
  store.move(started, 'working')
  limits.watch(started)
  limits.watch(other)
  assert.deepEqual(await whenEnded(1), ['2 expired start_timeout'])
  assert.equal(store.get(started.id)?.state, 'working')
})

test('a job that had an attempt fails in place of expiring', t => {
  const { limits, ended, accept, store } = openLimits(t)
  const job = accept({ startBy: Date.now() - 1 })
  store.move(store.move(job, 'working', { attempt: 1 }), 'queued')
  limits.start()
  assert.deepEqual(ended, ['1 failed start_timeout'])
})

test('more overdue jobs than come at a time all end', async t => {
  const { limits, whenEnded, store } = openLimits(t)
  store.accept(Array.from({ length: 250 }, () => ({ job: newJob({ startBy: 1 }), dueAt: 0 })))
  limits.start()
  assert.equal((await whenEnded(250)).length, 250)
})

test('while the disk cannot be written nothing ends, and afterwards it does', async t => {
  const { db, limits, ended, whenEnded, failed, accept } = openLimits(t)
  limits.start()
  const job = accept({ startBy: Date.now() + 10 })
  db.pragma('query_only = 1')
  limits.watch(job)
  assert.match(String(await failed), /readonly/)
  assert.deepEqual(ended, [])
  db.pragma('query_only = 0')
  assert.deepEqual(await whenEnded(1), ['1 expired start_timeout'])
})
