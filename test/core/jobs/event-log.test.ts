/** The log of a job and of all jobs: two tables, read as one story. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventLog } from '../../../core/jobs/event-log.ts'
import { isStateEvent, JobBus, type JobEvent } from '../../../core/jobs/events.ts'
import type { Job } from '../../../core/jobs/job.ts'
import { recover } from '../../../core/jobs/recovery.ts'
import { JobStore } from '../../../core/jobs/store.ts'
import fc from '../../helpers/fast-check.ts'
import { type Bench, openBench } from './fixtures.ts'
import { atWork, inPieces, Knowledge, pieceOf, said, spoken, write } from './texts.ts'

type Act = 'accept' | 'start' | 'speak' | 'retry' | 'cancel' | 'end'
const act = fc.record({
  what: fc.constantFrom<Act>('accept', 'start', 'speak', 'speak', 'retry', 'cancel', 'end'),
  which: fc.nat(),
  texts: fc.array(spoken, { maxLength: 4 })
})

/** Does it to one of the jobs that may. */
function perform(
  bench: Bench,
  jobs: Map<string, Job>,
  { what, which, texts }: typeof act extends fc.Arbitrary<infer A> ? A : never
) {
  const { store, accept } = bench
  const keep = (job: Job) => jobs.set(job.id, job)
  if (what === 'accept') return keep(accept())
  const states = { start: 'queued', speak: 'working', retry: 'working', cancel: 'working', end: 'working' }
  const some = [...jobs.values()].filter(({ state }) => state === states[what])
  const job = some[which % some.length]
  if (job === undefined) return
  if (what === 'start') keep(store.move(job, 'working', { attempt: job.attempt + 1 }))
  if (what === 'speak') keep(write(store, job, texts))
  if (what === 'retry') keep(store.move(job, 'queued'))
  if (what === 'cancel') keep(store.move(job, 'canceling'))
  if (what === 'end') keep(store.move(job, 'done'))
}

/** Everything behind a place, read so many at a time. */
function inPages(
  read: (after: number, limit: number) => JobEvent[],
  limit: number,
  by: 'seq' | 'n'
): JobEvent[] {
  const all: JobEvent[] = []
  for (;;) {
    const page = read(all.at(-1)?.[by] ?? 0, limit)
    all.push(...page)
    if (page.length < limit) return all
  }
}

test('what was announced is what is read, of each job without a gap, of all jobs in their order, in pages of any size', t => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), (acts, limit) => {
      const bench = openBench(t)
      const announced: JobEvent[] = []
      bench.bus.on('stored', event => announced.push(event))
      const jobs = new Map<string, Job>()
      for (const one of acts) perform(bench, jobs, one)
      const log = new EventLog(bench.db)
      assert.deepEqual(
        inPages((after, most) => log.ofAll(after, most), limit, 'n'),
        announced
      )
      const changes = announced.filter(({ type }) => type !== 'job.output')
      assert.deepEqual(
        inPages((after, most) => log.ofAll(after, most, false), limit, 'n'),
        changes
      )
      for (const job of jobs.values()) {
        const own = announced.filter(({ jobId }) => jobId === job.id)
        assert.deepEqual(
          inPages((after, most) => log.after(job, after, most), limit, 'seq'),
          own
        )
        assert.deepEqual(log.after(job), own)
        assert.deepEqual(
          log.story(job),
          own.filter(({ type }) => type !== 'job.output')
        )
        assert.deepEqual(
          own.map(({ seq }) => seq),
          own.map((_, index) => index + 1)
        )
        assert.equal(bench.store.get(job.id)!.eventSeq, own.length)
      }
      bench.db.close()
    }),
    { numRuns: 30 }
  )
})

test('who follows the story knows the text of the last attempt, and no other', t => {
  const bench = openBench(t)
  fc.assert(
    fc.property(fc.array(fc.array(spoken, { maxLength: 10 }), { minLength: 1, maxLength: 3 }), attempts => {
      let job = atWork(bench)
      for (const [index, texts] of attempts.entries()) {
        if (index > 0) {
          job = bench.store.move(job, 'queued')
          job = bench.store.move(job, 'working', { attempt: index + 1 })
        }
        job = write(bench.store, job, texts)
      }
      const knowledge = new Knowledge()
      for (const event of new EventLog(bench.db).after(job)) knowledge.apply(event)
      assert.deepEqual(knowledge.texts, said(attempts.at(-1)!))
    }),
    { numRuns: 30 }
  )
})

test('an attempt that goes back says first that its text is void, and says nothing where there was none', t => {
  const bench = openBench(t)
  const silent = bench.store.move(atWork(bench), 'queued')
  const spoke = bench.store.move(write(bench.store, atWork(bench), inPieces(['a'])), 'queued')
  const log = new EventLog(bench.db)
  const typesOf = (job: Job) => log.after(job).map(({ type }) => type)
  assert.deepEqual(typesOf(silent), ['job.queued', 'job.working', 'job.retrying'])
  const types = ['job.queued', 'job.working', 'job.output', 'job.output_reset', 'job.retrying']
  assert.deepEqual(typesOf(spoke), types)
  const reset = log.after(spoke)[3]!
  assert.deepEqual([reset.attempt, reset.data], [1, { attempt: 1 }])
  assert.equal(isStateEvent(reset), false)
})

test('text that comes with a change of state is told before it, in the same commit', t => {
  const bench = openBench(t)
  const pieces = [pieceOf({ channel: 'content', index: 0, offset: 0, text: 'last words' })]
  const job = bench.store.move(atWork(bench), 'done', { answer: { pieces } })
  assert.deepEqual(
    new EventLog(bench.db).after(job).map(({ seq, type }) => [seq, type]),
    [
      [1, 'job.queued'],
      [2, 'job.working'],
      [3, 'job.output'],
      [4, 'job.done']
    ]
  )
})

test('a job whose process died in the middle of its text goes on without a gap, the old text void', t => {
  const bench = openBench(t)
  const { id } = write(bench.store, atWork(bench), inPieces(['a', 'b', 'c']))
  // Another process on the same file knows what was committed, and nothing else.
  const store = new JobStore(bench.db, new JobBus())
  recover(bench.db, store)
  const again = store.move(store.get(id)!, 'working', { attempt: 2 })
  const job = store.move(write(store, again, inPieces(['d', 'e'])), 'done')
  const story = new EventLog(bench.db).after(job)
  assert.deepEqual(
    story.map(({ seq }) => seq),
    story.map((_, index) => index + 1)
  )
  assert.deepEqual(
    story.slice(5).map(({ type }) => type),
    ['job.output_reset', 'job.retrying', 'job.working', 'job.output', 'job.output', 'job.done']
  )
  const knowledge = new Knowledge()
  for (const event of story) knowledge.apply(event)
  assert.deepEqual(knowledge.texts, { 'content 0': 'de' })
  const places = story.map(({ n }) => n)
  assert.deepEqual(
    places,
    [...new Set(places)].toSorted((a, b) => a - b)
  )
})

test('text of a job that somebody else moved is not written', t => {
  const bench = openBench(t)
  const stale = atWork(bench)
  bench.store.move(stale, 'canceling')
  const before = new EventLog(bench.db).after(stale)
  assert.throws(() => write(bench.store, stale, inPieces(['late'])), { code: 'FOREMAN_JOB_CHANGED' })
  assert.deepEqual(new EventLog(bench.db).after(stale), before)
})

test('of a job that was removed nothing is told, also where another job has its number now', t => {
  const bench = openBench(t)
  const removed = bench.store.move(write(bench.store, atWork(bench), inPieces(['a'])), 'canceling')
  bench.store.move(removed, 'canceled')
  bench.db.exec('DELETE FROM job')
  const next = write(bench.store, atWork(bench), inPieces(['secret']))
  assert.equal(next.seq, removed.seq)
  const log = new EventLog(bench.db)
  assert.deepEqual([log.after(removed), log.story(removed)], [[], []])
  assert.equal(log.after(next).length, 3)
})
