/** The log as followers read it: once for all who are at the same place, and never what it was a moment ago. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { soleCaller } from '../../../core/access/caller.ts'
import { Followers } from '../../../core/follow/followers.ts'
import { SharedLog } from '../../../core/follow/shared-log.ts'
import type { JobEvent } from '../../../core/jobs/events.ts'
import type { Job } from '../../../core/jobs/job.ts'
import { Epochs } from '../../../core/jobs/places.ts'
import { removeJob } from '../../../core/jobs/retention.ts'
import { type Bench, openBench } from '../jobs/fixtures.ts'
import { atWork, inPieces, write } from '../jobs/texts.ts'

const page = 64

interface Stage extends Bench {
  readonly log: SharedLog
  /** At work, with three pieces of text: five events. */
  readonly job: Job
}

function stage(t: TestContext): Stage {
  const bench = openBench(t)
  const job = write(bench.store, atWork(bench), inPieces(['a', 'b', 'c']))
  return { ...bench, job, log: new SharedLog(bench.db) }
}

const seqs = (events: readonly JobEvent[]) => events.map(({ seq }) => seq)

test('who reads at the same place in the same turn gets the same events', t => {
  const { log, job } = stage(t)
  const once = log.after(job, 2, page)
  assert.deepEqual(seqs(once), [3, 4, 5])
  assert.equal(log.after(job, 2, page), once)
  const all = log.ofAll(2, page, true)
  assert.deepEqual(seqs(all), [3, 4, 5])
  assert.equal(log.ofAll(2, page, true), all)
})

test('who reads anything else gets what is there', t => {
  const { log, job, store, accept } = stage(t)
  const other = write(store, atWork({ store, accept }), inPieces(['z']))
  const jobIds = (events: readonly JobEvent[]) => [...new Set(events.map(({ jobId }) => jobId))]
  const read = [
    [log.after(job, 2, page), [3, 4, 5], [job.id]],
    [log.after(job, 1, page), [2, 3, 4, 5], [job.id]],
    [log.after(job, 1, 2), [2, 3], [job.id]],
    [log.after(other, 1, 2), [2, 3], [other.id]],
    [log.ofAll(5, page, true), [1, 2, 3], [other.id]],
    [log.ofAll(5, page, false), [1, 2], [other.id]],
    [log.ofAll(6, page, false), [2], [other.id]]
  ] as const
  for (const [events, places, of] of read) assert.deepEqual([seqs(events), jobIds(events)], [places, of])
})

test('what is written shows at once', t => {
  const { log, job, store, db } = stage(t)
  assert.deepEqual(seqs(log.after(job, 4, page)), [5])
  const ended = store.move(job, 'done')
  assert.deepEqual(seqs(log.after(ended, 4, page)), [5, 6])
  assert.equal(log.has(ended), true)
  removeJob(db, ended, Date.now())
  assert.deepEqual([log.after(ended, 4, page), log.has(ended)], [[], false])
})

test('nothing is kept for the next turn', async t => {
  const { log, job } = stage(t)
  for (const read of [() => log.after(job, 0, page), () => log.ofAll(0, page, true)]) {
    const events = read()
    await turn()
    assert.notEqual(read(), events)
    assert.deepEqual(read(), events)
  }
})

test('followers that fell behind together read on together', async t => {
  const { db, bus, store, job: begun } = stage(t)
  const followers = new Followers(db, bus, new Epochs(db))
  const told: JobEvent[][] = [[], [], []]
  for (const got of told) {
    const sink = { isFull: false, event: (event: JobEvent) => got.push(event), gap() {}, ended() {} }
    followers.ofJob(begun, 'latest', sink)
  }
  followers.ofAll(soleCaller, {}, 'latest', { isFull: false, event() {}, gap() {}, ended() {} })
  // More than waits to be handed out.
  const pieces = inPieces(Array.from({ length: 600 }, () => 'a'))
  store.move(write(store, begun, pieces), 'done')
  while (told.some(got => got.at(-1)?.type !== 'job.done')) await turn()
  const [first, ...others] = told
  assert.equal(first!.length, 601)
  for (const got of others) for (const [at, event] of got.entries()) assert.equal(event, first![at])
})
