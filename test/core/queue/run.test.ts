import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CanceledError, StalledError } from '../../../core/errors.ts'
import { Run } from '../../../core/queue/run.ts'
import { openBench } from '../jobs/fixtures.ts'

test('a run keeps the newest version of its job', t => {
  const { store, accept } = openBench(t)
  const run = new Run(store, store.move(accept(), 'loading'))
  run.move('working', { startedAt: 5 })
  assert.deepEqual(run.job, store.get(run.job.id))
  assert.deepEqual([run.job.state, run.job.startedAt, run.over], ['working', 5, false])
  run.move('done')
  assert.equal(run.over, true)
})

test('a cancel of a working job waits for the target to be left', t => {
  const { store, accept } = openBench(t)
  const run = new Run(store, store.move(accept(), 'working'))
  run.cancel()
  assert.deepEqual([run.job.state, run.over, run.signal.aborted], ['canceling', false, true])
  assert.ok(run.signal.reason instanceof CanceledError)
  run.cancel()
  assert.equal(run.job.state, 'canceling')
})

test('a cancel of a job whose runner is loading ends it at once, by way of canceling', t => {
  const { store, accept, events } = openBench(t)
  const run = new Run(store, store.move(accept(), 'loading'))
  run.cancel()
  assert.deepEqual([run.job.state, run.over, run.signal.aborted], ['canceled', true, true])
  const types = events.map(({ event }) => event.type)
  assert.deepEqual(types, ['job.queued', 'job.loading', 'job.canceling', 'job.canceled'])
  run.cancel()
  assert.equal(run.job.version, 4)
})

test('the reason of the first abort holds', t => {
  const { store, accept } = openBench(t)
  const run = new Run(store, store.move(accept(), 'working'))
  const stalled = new StalledError(1)
  run.abort(stalled)
  run.cancel()
  assert.equal(run.signal.reason, stalled)
})
