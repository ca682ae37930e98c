/** What those who come back to all jobs have missed for good. Of one job: test/core/jobs/fold.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { soleCaller } from '../../../core/access/caller.ts'
import { gapForCaller } from '../../../core/follow/gaps.ts'
import { EventLog } from '../../../core/jobs/event-log.ts'
import { OutputFolds } from '../../../core/jobs/fold-outputs.ts'
import { Epochs, lastPlace } from '../../../core/jobs/places.ts'
import { removeJob } from '../../../core/jobs/retention.ts'
import { openBench } from '../jobs/fixtures.ts'
import { atWork, inPieces, Knowledge, said, write } from '../jobs/texts.ts'

const me = { owner: 'me', scopes: new Set(['jobs:read'] as const), limits: {} }
const other = { ...me, owner: 'other' }

test('who was before the end of a removed job of theirs has missed something, and goes on where they were', t => {
  const bench = openBench(t)
  const epochs = new Epochs(bench.db)
  const at = (n: number) => ({ epoch: epochs.current, n })
  const before = bench.accept({ owner: 'me' })
  const removed = bench.store.move(bench.accept({ owner: 'me' }), 'canceled')
  bench.accept({ owner: 'other' })
  removeJob(bench.db, removed, Date.now())
  const gapOf = (n: number, caller: typeof me | typeof soleCaller = me) =>
    gapForCaller(bench.db, epochs, caller, at(n))
  const gap = (from: number) => ({ gap: { oldestSeq: before.eventSeq, snapshotSeq: null }, from })
  assert.deepEqual([gapOf(0), gapOf(2), gapOf(3), gapOf(4)], [gap(0), gap(2), undefined, undefined])
  assert.deepEqual([gapOf(2, soleCaller), gapOf(3, soleCaller)], [gap(2), undefined])
  assert.deepEqual([gapOf(0, other), gapOf(2, other)], [undefined, undefined])
})

test('a place that this store never gave begins anew, with a gap', t => {
  const bench = openBench(t)
  const epochs = new Epochs(bench.db)
  bench.accept()
  const gap = { gap: { oldestSeq: 1, snapshotSeq: null }, from: 0 }
  const gapAt = (epoch: string, n: number) => gapForCaller(bench.db, epochs, soleCaller, { epoch, n })
  assert.deepEqual(gapAt('0123456789ab', 1), gap)
  assert.deepEqual(gapAt(epochs.current, lastPlace(bench.db) + 1), gap)
  assert.equal(gapAt(epochs.current, lastPlace(bench.db)), undefined)
})

test('in a store without events the oldest place is 0', t => {
  const { db } = openBench(t)
  const missed = gapForCaller(db, new Epochs(db), soleCaller, { epoch: 'none', n: 7 })
  assert.deepEqual(missed, { gap: { oldestSeq: 0, snapshotSeq: null }, from: 0 })
})

test('who comes back to all jobs inside of what was folded needs no gap: a piece says where it belongs', t => {
  const bench = openBench(t)
  const all = [...inPieces(['a', 'b', 'c'], 'thinking'), ...inPieces(['d', 'e', 'f', 'g', 'h'])]
  const log = new EventLog(bench.db)
  bench.store.move(write(bench.store, atWork(bench), all), 'done')
  const story = log.ofAll(0, 100)
  for (const _step of new OutputFolds(bench.db).steps(Number.MAX_SAFE_INTEGER)) {
    for (const { n: place } of story) {
      const knowledge = new Knowledge()
      const rest = log.ofAll(place, 100)
      for (const event of [...story.filter(({ n }) => n <= place), ...rest]) knowledge.apply(event)
      assert.deepEqual(knowledge.texts, said(all), `behind ${place}`)
    }
  }
})
