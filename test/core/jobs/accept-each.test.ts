import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyTakenError } from '../../../core/jobs/idempotency.ts'
import type { NewJob } from '../../../core/jobs/job.ts'
import { newJob, openBench, rowsOf } from './fixtures.ts'

const place = (part: Partial<NewJob> = {}) => ({ job: newJob(part), dueAt: 0 })

const claimed = (key: string) =>
  place({
    idempotency: { route: 'r', key, fingerprint: Buffer.from(key) },
    request: { path: '/api/chat', body: Buffer.from('{}') },
    metadata: { key }
  })

test('a key that is taken keeps out its own job alone, and leaves nothing of it', t => {
  const { db, store, events } = openBench(t)
  store.acceptEach([claimed('a')])
  const outcomes = store.acceptEach([claimed('b'), claimed('a'), place(), claimed('b'), claimed('c')])
  assert.deepEqual(
    outcomes.map(outcome => ('job' in outcome ? outcome.job.seq : outcome.error instanceof KeyTakenError)),
    [2, true, 3, true, 4]
  )
  assert.deepEqual(
    ['job', 'event', 'job_request', 'job_metadata', 'idempotency_key'].map(table => rowsOf(db, table).length),
    [4, 4, 3, 3, 3]
  )
  assert.deepEqual(
    events.map(({ job }) => job.seq),
    [1, 2, 3, 4]
  )
})

test('they are announced after their one commit', t => {
  const { db, bus, store } = openBench(t)
  const seen: unknown[] = []
  bus.on('event', () => seen.push([db.inTransaction, rowsOf(db, 'job').length]))
  store.acceptEach([place(), place()])
  assert.deepEqual(seen, [
    [false, 2],
    [false, 2]
  ])
})

test('a failure of the disk takes all of them back', t => {
  const { db, store, events } = openBench(t)
  db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`)
  const body = Buffer.alloc(1e6)
  const large = place({ request: { path: '/api/chat', body } })
  assert.throws(() => store.acceptEach([place(), large]), { code: 'SQLITE_FULL' })
  assert.deepEqual([rowsOf(db, 'job').length, events.length], [0, 0])
})
