import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Sweeper, sweep } from '../../../core/jobs/retention.ts'
import { answerOf, type Bench, newJob, openBench, rowsOf } from './fixtures.ts'

const rules = { tombstoneMs: 1000 }

/** Every table that has rows of a job. */
const ofJobs = ['job', 'job_request', 'artifact', 'event']

function endedJob({ store, accept }: Bench, retentionMs: number) {
  const request = { path: '/api/chat', body: Buffer.from('{}') }
  return store.move(store.move(accept({ request, retentionMs }), 'working'), 'done', {
    result: answerOf('{}')
  })
}

test('an expired job goes with all that belongs to it and leaves a tombstone', t => {
  const bench = openBench(t, () => 100)
  const job = endedJob(bench, 50)
  assert.deepEqual(sweep(bench.db, 149, rules), { removed: 0, more: false })
  assert.deepEqual(sweep(bench.db, 150, rules), { removed: 1, more: false })
  for (const table of ofJobs) assert.deepEqual(rowsOf(bench.db, table), [], table)
  assert.deepEqual(rowsOf(bench.db, 'tombstone'), [
    { id: job.id, owner: 'local', state: 'done', finished_at: 100, removed_at: 150, last_n: 3 }
  ])
})

test('jobs that wait, run or have not expired stay with all that is theirs', t => {
  const bench = openBench(t, () => 100)
  bench.accept({ request: { path: '/api/chat', body: Buffer.from('{}') } })
  bench.store.move(bench.accept(), 'working')
  endedJob(bench, 10_000)
  const before = ofJobs.map(table => rowsOf(bench.db, table))
  assert.deepEqual(sweep(bench.db, 10_099, rules), { removed: 0, more: false })
  assert.deepEqual(
    ofJobs.map(table => rowsOf(bench.db, table)),
    before
  )
})

test('a job that somebody is to be told of stays a week at most', t => {
  const weekMs = 7 * 86_400_000
  const bench = openBench(t, () => 100)
  const held = endedJob(bench, 50)
  bench.db.prepare('INSERT INTO job_hold VALUES (?)').run(held.seq)
  endedJob(bench, 50)
  assert.deepEqual(sweep(bench.db, 150, rules), { removed: 1, more: false })
  assert.deepEqual(sweep(bench.db, 99 + weekMs, rules), { removed: 0, more: false })
  assert.deepEqual(sweep(bench.db, 100 + weekMs, rules), { removed: 1, more: false })
  assert.deepEqual(rowsOf(bench.db, 'job_hold'), [])
})

test('a tombstone goes when its own time is over', t => {
  const bench = openBench(t, () => 100)
  endedJob(bench, 0)
  sweep(bench.db, 100, rules)
  sweep(bench.db, 1099, rules)
  assert.equal(rowsOf(bench.db, 'tombstone').length, 1)
  sweep(bench.db, 1100, rules)
  assert.equal(rowsOf(bench.db, 'tombstone').length, 0)
})

function acceptEnded({ db, store }: Bench, count: number): void {
  store.accept(Array.from({ length: count }, () => ({ job: newJob(), dueAt: 0 })))
  db.exec("UPDATE job SET state = 'done', ready = 0, finished_at = 1, expires_at = 1")
}

test('many expired jobs go in batches', t => {
  const bench = openBench(t)
  acceptEnded(bench, 700)
  assert.deepEqual(sweep(bench.db, 2, rules), { removed: 500, more: true })
  assert.deepEqual(sweep(bench.db, 2, rules), { removed: 200, more: false })
})

test('the sweeper clears all batches without waiting for its interval', async t => {
  const bench = openBench(t)
  acceptEnded(bench, 1200)
  const sweeper = new Sweeper(bench.db, rules, 2 ** 31 - 1, err => assert.fail(String(err)))
  t.after(() => sweeper.stop())
  const cleared = new Promise<void>(resolve => {
    bench.db.function('removed', (left: number) => {
      if (left === 0) resolve()
      return null
    })
    bench.db.exec(
      'CREATE TEMP TRIGGER gone AFTER DELETE ON main.job BEGIN SELECT removed((SELECT count(*) FROM job)); END'
    )
  })
  sweeper.start()
  await cleared
  assert.equal(rowsOf(bench.db, 'job').length, 0)
})

test('the sweeper reports what went wrong and goes on', async t => {
  const bench = openBench(t)
  acceptEnded(bench, 1)
  bench.db.exec("CREATE TRIGGER full BEFORE DELETE ON job BEGIN SELECT RAISE(ABORT, 'disk'); END")
  const failures = new EventTarget()
  const sweeper = new Sweeper(bench.db, rules, 1, err =>
    failures.dispatchEvent(Object.assign(new Event('failed'), { err }))
  )
  t.after(() => sweeper.stop())
  const failed = once(failures, 'failed')
  sweeper.start()
  assert.match(String((await failed)[0].err), /disk/)
  await once(failures, 'failed')
  assert.equal(rowsOf(bench.db, 'tombstone').length, 0, 'what could not be removed has no tombstone')
})

test('a stopped sweeper does not start again', t => {
  const bench = openBench(t)
  acceptEnded(bench, 1)
  const sweeper = new Sweeper(bench.db, rules, 1, err => assert.fail(String(err)))
  sweeper.stop()
  sweeper.start()
  assert.equal(rowsOf(bench.db, 'job').length, 1)
})
