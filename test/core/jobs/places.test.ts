/** Places of events among all: they grow, are never given twice, and one of another history is known as such. */
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { openStore } from '../../../core/database/open.ts'
import { EventLog } from '../../../core/jobs/event-log.ts'
import { Epochs, lastPlace } from '../../../core/jobs/places.ts'
import { removeJob } from '../../../core/jobs/retention.ts'
import fc from '../../helpers/fast-check.ts'
import { temporaryDir } from '../../helpers/foreman.ts'
import { type Bench, benchOn, openDatabase } from './fixtures.ts'
import { atWork, inPieces, write } from './texts.ts'

/** A run of foreman on a directory that was closed before. */
function run(dir: string): Bench & { epochs: Epochs; close(): void } {
  const opened = openStore(dir)
  return { epochs: new Epochs(opened.db), ...benchOn(opened.db), close: () => opened.close() }
}

type Act = 'accept' | 'speak' | 'end and remove' | 'remove all' | 'restart' | 'forget tombstones'
const acts = fc.array(
  fc.constantFrom<Act>('accept', 'speak', 'end and remove', 'remove all', 'restart', 'forget tombstones'),
  { maxLength: 25 }
)

test('places grow in the order of the commits and are never given twice, whatever is removed and restarted', t => {
  fc.assert(
    fc.property(acts, all => {
      const dir = temporaryDir(t)
      let now = run(dir)
      const given: number[] = []
      const listen = () => now.bus.on('stored', ({ n }) => given.push(n))
      listen()
      for (const act of all) {
        if (act === 'restart') {
          now.close()
          now = run(dir)
          listen()
        } else perform(now, act)
      }
      const [before, log] = [lastPlace(now.db), new EventLog(now.db).ofAll(0, 10_000)]
      now.close()
      assert.ok(before >= (given.at(-1) ?? 0))
      assert.deepEqual(
        given,
        [...new Set(given)].toSorted((a, b) => a - b)
      )
      const kept = log.map(({ n }) => n)
      assert.deepEqual(
        kept,
        kept.toSorted((a, b) => a - b)
      )
    }),
    { numRuns: 25 }
  )
})

function perform(bench: Bench, act: Exclude<Act, 'restart'>): void {
  const { db, store } = bench
  if (act === 'accept') bench.accept()
  if (act === 'speak') write(store, atWork(bench), inPieces(['a', 'b']))
  if (act === 'end and remove')
    removeJob(db, store.move(write(store, atWork(bench), inPieces(['a'])), 'done'), 1)
  if (act === 'remove all') {
    for (const { id } of db.prepare('SELECT id FROM job').all() as { id: string }[]) {
      const job = store.get(id)!
      const ended = job.state === 'done' ? job : store.move(job, job.state === 'queued' ? 'canceled' : 'done')
      removeJob(db, ended, 1)
    }
  }
  // A place that no row tells of any more is known by the start of a later run alone.
  if (act === 'forget tombstones') {
    new Epochs(db)
    db.exec('DELETE FROM tombstone')
  }
}

test('a follower knows its place by the run that gave it, and places of any run of this store are known', t => {
  const dir = temporaryDir(t)
  const first = run(dir)
  assert.match(first.epochs.current, /^[0-9a-f]{12}$/)
  for (const _count of [1, 2, 3]) first.accept()
  const { current: epoch } = first.epochs
  first.close()
  const second = run(dir)
  t.after(() => second.close())
  assert.notEqual(second.epochs.current, epoch)
  const knows = (n: number, of = epoch) => second.epochs.knows({ epoch: of, n })
  assert.deepEqual([knows(0), knows(1), knows(3), knows(4)], [true, true, true, false])
  second.accept()
  const own = second.epochs.current
  assert.deepEqual([knows(4), knows(4, own), knows(3, own), knows(5, own)], [false, true, true, false])
  assert.equal(knows(1, 'ffffffffffff'), false)
})

test('an older copy that was put back is noticed: the places that it has not given are not its own', t => {
  const [dir, copy] = [temporaryDir(t), temporaryDir(t)]
  const first = run(dir)
  first.accept()
  first.close()
  cpSync(dir, copy, { recursive: true })
  const lost = run(dir)
  lost.accept()
  const place = { epoch: lost.epochs.current, n: lastPlace(lost.db) }
  assert.equal(lost.epochs.knows(place), true)
  lost.close()
  const restored = run(copy)
  t.after(() => restored.close())
  for (const _count of [1, 2, 3]) restored.accept()
  assert.ok(lastPlace(restored.db) > place.n)
  assert.equal(restored.epochs.knows(place), false)
  assert.equal(restored.epochs.knows({ epoch: first.epochs.current, n: 1 }), true)
  assert.equal(restored.epochs.knows({ epoch: first.epochs.current, n: place.n }), false)
})

test('an empty store has given no place', (t: TestContext) => {
  const db = openDatabase(t)
  assert.equal(lastPlace(db), 0)
  assert.equal(new Epochs(db).knows({ epoch: 'none', n: 0 }), false)
})
