import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { QueueDepth } from '../../../core/jobs/depth.ts'
import type { NewJob } from '../../../core/jobs/job.ts'
import { WaitingJobs } from '../../../core/jobs/waiting.ts'
import { Dispatcher } from '../../../core/queue/dispatcher.ts'
import { Forecaster } from '../../../core/queue/forecast.ts'
import type { Loader } from '../../../core/queue/loader.ts'
import type { Wanted } from '../../../core/queue/wanted.ts'
import { defaultRules } from '../../schedule/simulation.ts'
import { newJob, openBench } from '../jobs/fixtures.ts'

const loadMs = 2000
const runMs = 300
const patienceMs = 600_000

/** A worker on a clock that stands, whose loads take two seconds and whose runs take 300 ms. */
function newStage(t: TestContext) {
  const clock = { now: 1_000_000 }
  const now = () => clock.now
  const { db, bus, store } = openBench(t, now)
  const loader: Loader = {
    load: async ({ runner, model }) => {
      clock.now += loadMs
      return { model: { name: model, digest: runner }, runner: { key: runner } } as Wanted
    },
    loaded: async () => []
  }
  const waiting = new WaitingJobs(db)
  const { rules, retry } = defaultRules()
  const dispatcher = new Dispatcher({
    ...{ db, store, waiting, loader, rules, retry, now },
    ...{ isUp: () => true, markDown: () => {}, wakeAt: () => {}, wake: () => {}, loadFailed: () => {} },
    swapped: () => {},
    log: { warn: () => {} }
  })
  dispatcher.open()
  const depth = new QueueDepth(db, bus)
  const forecaster = new Forecaster({ dispatcher, depth, waiting, estimates: store.estimates, bus, now })
  const accept = (part: Partial<NewJob> = {}) => {
    const availableAt = part.availableAt ?? clock.now
    return store.accept([{ dueAt: availableAt + patienceMs, job: newJob(part) }])[0]!
  }
  /** Runs what comes next; the worker may linger before. */
  const runOne = async () => {
    let next = dispatcher.next()
    for (; next === undefined; next = dispatcher.next()) clock.now += 100
    const { job, swap } = next
    if (swap) await dispatcher.load(job, AbortSignal.any([]))
    const working = swap ? store.move(job, 'working', { startedAt: clock.now }) : job
    clock.now += runMs
    dispatcher.ran(store.move(working, 'done'))
  }
  /** Lets it learn what both runners take; `a` is loaded then. */
  const learn = async () => {
    for (const runner of ['b', 'a']) {
      accept({ runner })
      await runOne()
    }
  }
  return { clock, db, store, dispatcher, forecaster, accept, runOne, learn }
}

test('a call that meets the loaded model and an empty queue is foretold without a look at the store', async t => {
  const { accept, runOne, forecaster, clock, db } = newStage(t)
  accept()
  await runOne()
  const job = accept({ attached: true })
  // Had it to ask anything, it would fail now.
  db.close()
  const { position, estimatedStartAt } = forecaster.ofNew(job)
  assert.deepEqual([position, estimatedStartAt], [0, clock.now])
})

test('a job that was taken already is told when its load is over', async t => {
  const { accept, dispatcher, learn, forecaster, clock } = newStage(t)
  await learn()
  clock.now += loadMs
  const job = accept({ runner: 'b' })
  const startsAt = clock.now + loadMs
  assert.equal(dispatcher.next()?.id, job.id)
  clock.now += 500
  const { position, estimatedStartAt } = forecaster.ofNew(job)
  assert.deepEqual([position, estimatedStartAt], [0, startsAt])
})

test('a job waits for the running one, for what is due before it, and for its load', async t => {
  const { accept, dispatcher, learn, forecaster, clock } = newStage(t)
  await learn()
  for (let n = 0; n < 3; n++) accept({ runner: 'a' })
  dispatcher.next()
  clock.now += 100
  const own = accept({ runner: 'a' })
  const other = accept({ runner: 'b' })
  const left = runMs - 100
  const told = [own, other].map(job => forecaster.ofNew(job))
  assert.deepEqual(
    told.map(({ position, estimatedStartAt }) => [position, estimatedStartAt - clock.now]),
    [
      [3, left + 2 * runMs],
      // It lingers after the last of them.
      [4, left + 3 * runMs + 0.1 * loadMs + loadMs]
    ]
  )
  assert.deepEqual(
    [own, other].map(job => forecaster.of(job)),
    told,
    'a look at the rows gives the same'
  )
})

test('jobs that may not run yet are not waited for, and are themselves told from when they may', async t => {
  const { accept, runOne, forecaster, clock } = newStage(t)
  accept()
  await runOne()
  for (let n = 0; n < 50; n++) accept({ availableAt: clock.now + 3_600_000 })
  const now = accept()
  const later = accept({ availableAt: clock.now + 5000 })
  assert.equal(forecaster.of(now).position, 0)
  assert.equal(forecaster.of(later).estimatedStartAt, clock.now + 5000)
})

test('what is foretold of a chunk of jobs is near to what is foretold of them one by one', async t => {
  const { learn, forecaster, clock, store } = newStage(t)
  await learn()
  const newcomers = Array.from({ length: 100 }, (_, n) => {
    const times = { availableAt: clock.now, dueAt: clock.now + patienceMs }
    return { ...newJob({ runner: n % 2 === 0 ? 'a' : 'b' }), ...times }
  })
  const together = forecaster.estimates(newcomers)
  const singly = newcomers.map(newcomer => {
    const [estimate] = forecaster.estimates([newcomer])
    store.accept([{ dueAt: newcomer.dueAt, job: newcomer }])
    return estimate
  })
  // Between two looks ahead some of the others may join unseen.
  for (const [index, { expectedMs }] of together.map(one => one!).entries()) {
    const { expectedMs: alone } = singly[index]!
    assert.ok(Math.abs(expectedMs - alone) <= 0.25 * alone + 8 * runMs, `${index}: ${expectedMs}, ${alone}`)
  }
})

test('calls that hold their connection are given no estimate to be kept', t => {
  const { forecaster, clock } = newStage(t)
  const times = { availableAt: clock.now, dueAt: clock.now }
  assert.deepEqual(forecaster.estimates([{ ...newJob({ attached: true }), ...times }]), [undefined])
})

test('of a class with more patience those are before it that have waited for long', async t => {
  const { accept, learn, forecaster, clock, store } = newStage(t)
  await learn()
  // Batch jobs that came in over the last hours: a tenth of them is due before a normal one of now.
  const due = (n: number) => clock.now + patienceMs - 10_000 + n * 1000
  for (let n = 0; n < 100; n++) {
    store.accept([{ dueAt: due(n), job: newJob({ priority: 'batch' }) }])
  }
  const job = accept()
  const [exact, told] = [forecaster.of(job).position, forecaster.ofNew(job).position]
  assert.ok(exact === 10 || exact === 11)
  assert.ok(Math.abs(told - exact) <= 1, `${told} instead of ${exact}`)
})
