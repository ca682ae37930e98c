/** Folding up: the same text in few rows, whoever reads it and wherever they stopped before. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { gapOfJob } from '../../../core/follow/gaps.ts'
import { EventLog } from '../../../core/jobs/event-log.ts'
import type { JobEvent } from '../../../core/jobs/events.ts'
import { longestFoldBytes, OutputFolder, OutputFolds } from '../../../core/jobs/fold-outputs.ts'
import type { Job } from '../../../core/jobs/job.ts'
import { recover } from '../../../core/jobs/recovery.ts'
import fc from '../../helpers/fast-check.ts'
import { type Bench, openBench, rowsOf } from './fixtures.ts'
import { atWork, inPieces, Knowledge, type Spoken, said, spoken, write } from './texts.ts'

const forEver = Number.MAX_SAFE_INTEGER

/** Takes so many steps, or all of them. */
function fold({ db }: Bench, steps = Number.POSITIVE_INFINITY, now = forEver): void {
  let taken = 0
  for (const _step of new OutputFolds(db).steps(now)) {
    taken += 1
    if (taken >= steps) return
  }
}

/** A job that spoke and has ended; with `before`, in an attempt whose text is void as well. */
function ended(bench: Bench, all: readonly Spoken[], before: readonly Spoken[] = []): Job {
  let job = atWork(bench)
  if (before.length > 0) {
    job = bench.store.move(write(bench.store, job, before), 'queued')
    job = bench.store.move(job, 'working', { attempt: 2 })
  }
  return bench.store.move(write(bench.store, job, all), 'done')
}

function knownOf(events: readonly JobEvent[], knowledge = new Knowledge()): Knowledge {
  for (const event of events) knowledge.apply(event)
  return knowledge
}

/** What one knows who had read up to `after` before folding, and comes back. */
function knownBack(bench: Bench, job: Job, story: readonly JobEvent[], after: number): Knowledge {
  const knowledge = knownOf(story.filter(({ seq }) => seq <= after))
  const missed = gapOfJob(bench.db, job, after)
  if (missed !== undefined) knowledge.texts = {}
  return knownOf(new EventLog(bench.db).after(job, missed?.from ?? after), knowledge)
}

const texts = fc.array(spoken, { maxLength: 40 })

test('whatever was said, and wherever folding was broken off, the same text is read from anywhere', t => {
  const bench = openBench(t)
  fc.assert(
    fc.property(texts, texts, fc.array(fc.nat(6), { maxLength: 3 }), (all, before, broken) => {
      const job = ended(bench, all, before)
      const story = new EventLog(bench.db).after(job)
      for (const steps of broken) {
        fold(bench, steps + 1)
        for (let after = 0; after <= job.eventSeq; after += 1)
          assert.deepEqual(knownBack(bench, job, story, after).texts, said(all), `broken off, after ${after}`)
      }
      fold(bench)
      const folded = new EventLog(bench.db).after(job)
      assertStandsForAll(story, folded)
      for (let after = 0; after <= job.eventSeq; after += 1)
        assert.deepEqual(knownBack(bench, job, story, after).texts, said(all), `after ${after}`)
    }),
    { numRuns: 60 }
  )
})

/** Each row that is left was one before, of its text the first is a snapshot, and changes of state are all there. */
function assertStandsForAll(story: readonly JobEvent[], folded: readonly JobEvent[]): void {
  const isText = ({ type }: JobEvent) => type === 'job.output' || type === 'job.output_snapshot'
  assert.deepEqual(
    folded.filter(event => !isText(event)),
    story.filter(event => !isText(event))
  )
  const facts = ({ id, seq, n, createdAt, attempt }: JobEvent) => ({ id, seq, n, createdAt, attempt })
  const before = story.map(facts)
  for (const event of folded.filter(isText)) {
    assert.deepEqual(
      facts(event),
      before.find(({ seq }) => seq === event.seq)
    )
  }
}

test('exactly those who stopped inside what was folded have a gap, and get all text anew', t => {
  const bench = openBench(t)
  // seq 1 and 2 are states; thinking 3..5, content 6..9, one call 10, done 11.
  const all = [
    ...inPieces(['a', 'b', 'c'], 'thinking'),
    ...inPieces(['d', 'e', 'f', 'g']),
    ...inPieces(['{}'], 'tool_call')
  ]
  const job = ended(bench, all)
  assert.equal(job.eventSeq, 11)
  fold(bench)
  const story = new EventLog(bench.db).after(job).map(({ seq, type }) => [seq, type])
  assert.deepEqual(story, [
    [1, 'job.queued'],
    [2, 'job.working'],
    [5, 'job.output_snapshot'],
    [9, 'job.output_snapshot'],
    [10, 'job.output_snapshot'],
    [11, 'job.done']
  ])
  const gap = { gap: { oldestSeq: 5, snapshotSeq: 5 }, from: 4 }
  const none = undefined
  const gaps = Array.from({ length: 12 }, (_, after) => gapOfJob(bench.db, job, after))
  assert.deepEqual(gaps, [none, none, none, gap, gap, none, gap, gap, gap, none, none, none])
  assert.deepEqual(gapOfJob(bench.db, job, 12), { gap: { oldestSeq: 1, snapshotSeq: null }, from: 0 })
})

test('texts that alternate share the places of the job', t => {
  const bench = openBench(t)
  const all = [...Array(8)].flatMap((_, index) => [
    ...inPieces([`t${index}`], 'thinking'),
    ...inPieces([`c${index}`])
  ])
  const job = ended(bench, all)
  const story = new EventLog(bench.db).after(job)
  fold(bench)
  assert.equal(rowsOf(bench.db, 'output').length, 2)
  for (let after = 0; after <= job.eventSeq; after += 1)
    assert.deepEqual(knownBack(bench, job, story, after).texts, said(all))
})

test('a text of ten megabytes is folded in short steps, into rows of 256 KiB at most', t => {
  const bench = openBench(t)
  const piece = 'ž'.repeat(512)
  const begun = atWork(bench)
  const speak = () => write(bench.store, begun, inPieces(Array(10_240).fill(piece)))
  const job = bench.store.move(bench.db.transaction(speak)(), 'done')
  const changes = bench.db.prepare('SELECT total_changes()').pluck()
  const touched: number[] = []
  for (const steps = new OutputFolds(bench.db).steps(forEver); ; ) {
    const before = changes.get() as number
    if (steps.next().done) break
    touched.push((changes.get() as number) - before)
  }
  // All of a step's rows are taken away but one, which is written.
  assert.equal(Math.max(...touched), 250)
  const sizes = bench.db.prepare('SELECT length(CAST(text AS BLOB)) FROM output ORDER BY seq').pluck().all()
  assert.equal(sizes.length, 40)
  assert.ok(sizes.every(size => (size as number) <= longestFoldBytes))
  let text = ''
  for (const { type, data } of new EventLog(bench.db).after(job)) {
    if (!type.startsWith('job.output')) continue
    assert.equal(data.offset, text.length)
    text += data.text
  }
  assert.ok(text === piece.repeat(10_240))
})

test('nothing is folded before its time, nor of a job that has not ended', t => {
  const bench = openBench(t, () => 1000)
  write(bench.store, atWork(bench), inPieces(['a', 'b']))
  ended(bench, inPieces(['c', 'd']))
  const before = rowsOf(bench.db, 'output')
  fold(bench, undefined, 1000 + 600_000 - 1)
  assert.deepEqual(rowsOf(bench.db, 'output'), before)
  fold(bench, undefined, 1000 + 600_000)
  assert.equal(rowsOf(bench.db, 'output').length, 3)
  assert.deepEqual(rowsOf(bench.db, 'output_unfolded'), [])
})

test('text that became void goes, also where the last attempt said nothing', t => {
  const bench = openBench(t)
  const silent = ended(bench, [], inPieces(['a', 'b', 'c']))
  const crashed = write(bench.store, atWork(bench), inPieces(['d', 'e']))
  recover(bench.db, bench.store)
  const again = bench.store.move(bench.store.get(crashed.id)!, 'working', { attempt: 2 })
  bench.store.move(again, 'failed')
  fold(bench)
  assert.deepEqual(rowsOf(bench.db, 'output'), [])
  for (const { id } of [silent, crashed]) {
    const story = new EventLog(bench.db).after(bench.store.get(id)!)
    assert.equal(story.filter(({ type }) => type === 'job.output_reset').length, 1)
  }
})

test('a job that is removed while it is folded leaves nothing', t => {
  const bench = openBench(t)
  ended(bench, inPieces(Array(600).fill('a')))
  const steps = new OutputFolds(bench.db).steps(forEver)
  steps.next()
  steps.next()
  bench.db.exec('DELETE FROM job')
  while (!steps.next().done) {}
  assert.deepEqual([rowsOf(bench.db, 'output'), rowsOf(bench.db, 'output_unfolded')], [[], []])
})

/** A folder, and what it was told of. */
function folderOn(t: TestContext, { db }: Bench) {
  const failures: unknown[] = []
  const folder = new OutputFolder(db, 5, err => failures.push(err))
  t.after(() => folder.stop())
  return { folder, failures }
}

async function allFolded({ db }: Bench): Promise<void> {
  while (rowsOf(db, 'output_unfolded').length > 0) await new Promise(resolve => setTimeout(resolve, 5))
}

test('a thousand jobs are folded beside everything else', async t => {
  const bench = openBench(t, () => 1000)
  for (let count = 0; count < 1000; count += 1) ended(bench, inPieces(['a', 'b', 'c']))
  const { folder, failures } = folderOn(t, bench)
  let turns = 0
  const beside = setInterval(() => (turns += 1), 1)
  t.after(() => clearInterval(beside))
  folder.start()
  await allFolded(bench)
  assert.equal(rowsOf(bench.db, 'output').length, 1000)
  assert.deepEqual(failures, [])
  assert.ok(turns > 10, `${turns} turns for others`)
})

test('what the disk refuses is told and tried again', async t => {
  const bench = openBench(t, () => 1000)
  ended(bench, inPieces(['a', 'b', 'c']))
  bench.db.pragma('query_only = ON')
  const { folder, failures } = folderOn(t, bench)
  folder.start()
  while (failures.length < 2) await new Promise(resolve => setTimeout(resolve, 5))
  bench.db.pragma('query_only = OFF')
  await allFolded(bench)
  assert.equal(rowsOf(bench.db, 'output').length, 1)
  assert.equal((failures[0] as { code: string }).code, 'SQLITE_READONLY')
})
