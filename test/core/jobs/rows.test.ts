import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../../core/jobs/job.ts'
import { priorities } from '../../../core/jobs/priority.ts'
import { insertJob, type JobRow, jobColumns, moveJob, toJob, toRow } from '../../../core/jobs/rows.ts'
import { jobStates } from '../../../core/jobs/states.ts'
import fc from '../../helpers/fast-check.ts'
import { openDatabase } from './fixtures.ts'

const ms = fc.nat(2 ** 53 - 1)
const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value)

const anyJob: fc.Arbitrary<Job> = fc.record({
  seq: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
  id: text,
  owner: text,
  lane: text,
  kind: fc.constantFrom('chat', 'generate', 'embed', 'transcription'),
  model: text,
  runner: text,
  priority: fc.constantFrom(...priorities),
  attached: fc.boolean(),
  state: fc.constantFrom(...jobStates),
  previousState: maybe(fc.constantFrom(...jobStates)),
  version: fc.nat(),
  eventSeq: fc.nat(),
  attempt: fc.nat(),
  maxAttempts: fc.nat(),
  createdAt: ms,
  availableAt: ms,
  dueAt: ms,
  startBy: maybe(ms),
  runTimeoutMs: ms,
  retentionMs: ms,
  startedAt: maybe(ms),
  firstTokenAt: maybe(ms),
  finishedAt: maybe(ms),
  expiresAt: maybe(ms),
  error: maybe(
    fc.record(
      {
        code: text,
        message: text,
        retryable: fc.boolean(),
        attempt: fc.nat(),
        targetStatus: fc.integer({ min: 100, max: 599 })
      },
      { requiredKeys: ['code', 'message', 'retryable', 'attempt'], noNullPrototype: true }
    )
  )
})

test('a job comes out of its row as it went in, whatever is in it', t => {
  const db = openDatabase(t)
  const insert = db.prepare(insertJob)
  const read = db.prepare(`SELECT ${jobColumns} FROM job`)
  fc.assert(
    fc.property(anyJob, fc.boolean(), (job, ready) => {
      db.exec('DELETE FROM job')
      insert.run(toRow(job, ready))
      assert.deepEqual(toJob(read.get() as JobRow), { ...job, seq: 1 })
      assert.equal(db.prepare('SELECT ready FROM job').pluck().get(), ready ? 1 : 0)
    }),
    { numRuns: 200 }
  )
})

test('a row moves only from the state and version that it was read at', t => {
  const db = openDatabase(t)
  const [base] = fc.sample(anyJob, { numRuns: 1, seed: 7 }) as [Job]
  const stored = { ...base, seq: 1, state: 'working', version: 3 } as const
  db.prepare(insertJob).run(toRow(stored, false))
  const moves = db.prepare(moveJob)
  const done = { ...stored, state: 'done', previousState: 'working', version: 4 } as const
  for (const wrong of [{ version: 5 }, { version: 3 }, { previousState: 'loading' }, { seq: 2 }] as const) {
    assert.equal(moves.run(toRow({ ...done, ...wrong }, false)).changes, 0)
  }
  assert.equal(moves.run(toRow(done, false)).changes, 1)
  assert.equal(moves.run(toRow(done, false)).changes, 0)
})
