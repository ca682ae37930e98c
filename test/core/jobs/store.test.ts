import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../../core/jobs/job.ts'
import { JobChangedError } from '../../../core/jobs/store.ts'
import { answerOf, newJob, openBench, rowsOf } from './fixtures.ts'

test('a job comes in queued, with its request and its first event', t => {
  const now = 1_700_000_000_000
  const bench = openBench(t, () => now)
  const request = { path: '/api/chat', body: Buffer.from('{"model":"llama3.2","text":"žluťoučký"}') }
  const job = bench.accept({ request, startBy: now + 5 }, now + 600)
  assert.match(job.id, /^job_[0-9a-z]{26}$/)
  const { request: _request, ...given } = newJob({ startBy: now + 5 })
  assert.deepEqual(job, {
    ...given,
    id: job.id,
    seq: 1,
    state: 'queued',
    previousState: null,
    version: 1,
    eventSeq: 1,
    attempt: 0,
    createdAt: now,
    availableAt: now,
    dueAt: now + 600,
    startedAt: null,
    firstTokenAt: null,
    finishedAt: null,
    expiresAt: null,
    error: null
  })
  assert.deepEqual(bench.store.get(job.id), job)
  assert.deepEqual(bench.store.request(job), { ...request, traceparent: null })
  const { event, job: announced } = bench.events[0]!
  assert.deepEqual(announced, job)
  assert.deepEqual(event, {
    id: event.id,
    jobId: job.id,
    owner: 'local',
    seq: 1,
    n: 1,
    type: 'job.queued',
    attempt: 0,
    createdAt: now,
    data: { state: 'queued', previous_state: null }
  })
})

test('an unknown id is undefined, and an attached job has no stored request', t => {
  const { store, accept } = openBench(t)
  assert.equal(store.get('job_none'), undefined)
  assert.equal(store.request(accept({ attached: true })), undefined)
})

test('a job that somebody else moved first stays as they left it', t => {
  const bench = openBench(t)
  const { db, store } = bench
  const stale = bench.accept()
  const moved = store.move(stale, 'working', { attempt: 1 })
  const before = [rowsOf(db, 'event'), rowsOf(db, 'artifact'), bench.events.length]
  assert.throws(
    () => store.move(stale, 'failed', { result: answerOf('late') }),
    (err: Error) => err instanceof JobChangedError && err.message.includes(`${stale.id} is no longer queued`)
  )
  assert.deepEqual(store.get(stale.id), moved)
  assert.deepEqual([rowsOf(db, 'event'), rowsOf(db, 'artifact'), bench.events.length], before)
})

test('the same state at an older version is stale too', t => {
  const { store, accept } = openBench(t)
  const first = accept()
  const again = store.move(store.move(first, 'working'), 'queued')
  assert.equal(again.state, first.state)
  assert.throws(() => store.move(first, 'working'), JobChangedError)
})

test('a removed job cannot be moved', t => {
  const { db, store, accept } = openBench(t)
  const job = accept()
  db.exec('DELETE FROM job')
  assert.throws(() => store.move(job, 'canceled'), JobChangedError)
  assert.equal(rowsOf(db, 'event').length, 0)
})

test('what a transition changes is stored with it, the result too', t => {
  const { db, store, accept } = openBench(t)
  const working = store.move(accept(), 'working', { attempt: 1, startedAt: 5 })
  const error = { code: 'target_error', message: 'ž', retryable: true, attempt: 1, targetStatus: 500 }
  const queued = store.move(working, 'queued', { error, availableAt: 7, data: { wait_s: 3 } })
  assert.deepEqual(store.get(queued.id), { ...queued, error, startedAt: 5, availableAt: 7 })
  const data = db.prepare('SELECT data FROM event WHERE seq = 3').pluck().get() as string
  const states = { state: 'queued', previous_state: 'working' }
  assert.deepEqual(JSON.parse(data), { ...states, error_code: 'target_error', wait_s: 3 })
  const again = store.move(queued, 'working', { attempt: 2, error: null })
  store.move(again, 'done', { result: answerOf('{"done":true}'), firstTokenAt: 9 })
  const { error: none, firstTokenAt } = store.get(queued.id)!
  assert.deepEqual([none, firstTokenAt], [null, 9])
  const [kept] = store.artifacts.ofJob(1)
  assert.equal(String(store.artifacts.body(kept!)), '{"done":true}')
})

test('many jobs come in all or none', t => {
  const bench = openBench(t)
  const tooMuch = { job: newJob({ runner: undefined as unknown as string }), dueAt: 0 }
  assert.throws(() => bench.store.accept([{ job: newJob(), dueAt: 0 }, tooMuch, { job: newJob(), dueAt: 0 }]))
  assert.deepEqual([rowsOf(bench.db, 'job'), rowsOf(bench.db, 'event'), bench.events], [[], [], []])
  const jobs = bench.store.accept([1, 2, 3].map(dueAt => ({ job: newJob(), dueAt })))
  assert.deepEqual(
    jobs.map(job => [job.seq, job.dueAt]),
    [1, 2, 3].map(n => [n, n])
  )
})

test('an accept with a durable job commits at FULL, one of attached jobs at NORMAL', t => {
  const bench = openBench(t)
  // Asks in the transaction itself, with each event that is stored.
  bench.db.exec(`CREATE TEMP TABLE level (synchronous);
    CREATE TEMP TRIGGER ask AFTER INSERT ON event
    BEGIN INSERT INTO level SELECT synchronous FROM pragma_synchronous; END`)
  const [normal, full] = [1, 2]
  const levelsOf = (commit: () => void) => {
    bench.db.exec('DELETE FROM level')
    commit()
    return bench.db.prepare('SELECT DISTINCT synchronous FROM level').pluck().all()
  }
  assert.deepEqual(
    levelsOf(() => bench.accept({ attached: true })),
    [normal]
  )
  assert.deepEqual(
    levelsOf(() => bench.accept()),
    [full]
  )
  const mixed = [true, false].map(attached => ({ job: newJob({ attached }), dueAt: 0 }))
  assert.deepEqual(
    levelsOf(() => bench.store.accept(mixed)),
    [full]
  )
  const job = bench.accept()
  assert.deepEqual(
    levelsOf(() => bench.store.move(job, 'working')),
    [normal]
  )
})

test('events are announced after their commit', t => {
  const { db, bus, store, accept } = openBench(t)
  const seen: unknown[] = []
  bus.on('event', (_event, job: Job) => seen.push([db.inTransaction, store.get(job.id)?.state]))
  store.move(store.move(accept(), 'working'), 'done')
  assert.deepEqual(
    seen,
    ['queued', 'working', 'done'].map(state => [false, state])
  )
})

test('events of one accept are announced in the order of their jobs', t => {
  const { store, events } = openBench(t)
  const jobs = store.accept([1, 2, 3].map(dueAt => ({ job: newJob(), dueAt })))
  assert.deepEqual(
    events.map(({ event }) => event.jobId),
    jobs.map(job => job.id)
  )
})

test('every listener hears events in commit order, also when one of them moves the job', t => {
  const { bus, store } = openBench(t)
  const heard: string[] = []
  bus.prependListener('event', (event, job) => {
    if (event.type === 'job.queued') store.move(job, 'working')
  })
  bus.on('event', (event, job) => heard.push(`${job.seq} ${event.type}`))
  store.accept([1, 2].map(dueAt => ({ job: newJob(), dueAt })))
  assert.deepEqual(heard, ['1 job.queued', '2 job.queued', '1 job.working', '2 job.working'])
})

test('ids sort by arrival', t => {
  const { store } = openBench(t)
  const ids = store
    .accept(Array.from({ length: 500 }, () => ({ job: newJob(), dueAt: 0 })))
    .map(job => job.id)
  assert.deepEqual(ids.toSorted(), ids)
  assert.equal(new Set(ids).size, 500)
})
