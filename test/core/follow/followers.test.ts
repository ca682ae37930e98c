/** All followers on a real store: of one job and of all, from any place, while jobs speak and end. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Caller } from '../../../core/access/caller.ts'
import { soleCaller } from '../../../core/access/caller.ts'
import type { Filter, Gap } from '../../../core/follow/feeds.ts'
import type { Follower, Sink } from '../../../core/follow/follower.ts'
import { Followers } from '../../../core/follow/followers.ts'
import type { JobEvent } from '../../../core/jobs/events.ts'
import type { Job } from '../../../core/jobs/job.ts'
import { Epochs, lastPlace } from '../../../core/jobs/places.ts'
import fc from '../../helpers/fast-check.ts'
import { type Bench, openBench } from '../jobs/fixtures.ts'
import { atWork, inPieces, write } from '../jobs/texts.ts'

interface Stage extends Bench {
  readonly followers: Followers
  readonly epochs: Epochs
}

function stage(t: TestContext): Stage {
  const bench = openBench(t)
  const epochs = new Epochs(bench.db)
  return { ...bench, epochs, followers: new Followers(bench.db, bench.bus, epochs) }
}

class Listener implements Sink {
  readonly got: JobEvent[] = []
  readonly gaps: Gap[] = []
  isFull = false
  isEnded = false

  event(event: JobEvent): void {
    this.got.push(event)
  }

  gap(gap: Gap): void {
    this.gaps.push(gap)
  }

  ended(): void {
    this.isEnded = true
  }

  get seqs(): number[] {
    return this.got.map(({ seq }) => seq)
  }
}

/** As many turns as handing out may take. */
async function settle(): Promise<void> {
  for (let count = 0; count < 200; count += 1) await turn()
}

const user = (owner: string): Caller => ({ owner, scopes: new Set(['jobs:read']), limits: {} })

function followAll(at: Stage, caller: Caller, filter: Filter = {}): Listener {
  const listener = new Listener()
  at.followers.ofAll(caller, filter, undefined, listener)
  return listener
}

test('followers of one job and of all get each event once, wherever and whenever they come in', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(4), { maxLength: 40 }), async acts => {
      const at = stage(t)
      const announced: JobEvent[] = []
      at.bus.on('stored', event => announced.push(event))
      let job = atWork(at)
      const joined: { listener: Listener; follower: Follower; from: number }[] = []
      for (const what of acts) {
        if (what === 0) await turn()
        if (what === 1) job = write(at.store, job, inPieces(['a', 'b', 'c']))
        if (what === 2) write(at.store, atWork(at), inPieces(['other']))
        if (what === 3) {
          const [listener, from] = [new Listener(), Math.floor(job.eventSeq / 2)]
          joined.push({ listener, from, follower: at.followers.ofJob(job, from, listener) })
        }
        if (what === 4) {
          for (const { listener, follower } of joined) {
            listener.isFull = !listener.isFull
            if (!listener.isFull) follower.drained()
          }
        }
      }
      const all = followAll(at, soleCaller)
      at.store.move(job, 'done')
      await turn()
      for (const { listener, follower } of joined) {
        listener.isFull = false
        follower.drained()
      }
      await settle()
      const own = announced.filter(({ jobId }) => jobId === job.id)
      for (const { listener, from } of joined) {
        assert.deepEqual(listener.got, own.slice(from))
        assert.equal(listener.isEnded, true)
      }
      assert.deepEqual(all.got, announced)
      assert.equal(at.followers.size, 1)
      at.db.close()
    }),
    { numRuns: 40 }
  )
})

test('each caller gets what is theirs alone, an administrator all, and each only what they ask for', async t => {
  const at = stage(t)
  const mine = at.accept({ owner: 'me' })
  const theirs = at.accept({ owner: 'them' })
  const of = (caller: Caller, filter?: Filter) => followAll(at, caller, filter)
  const listeners = [
    of(user('me')),
    of(user('them')),
    of(soleCaller),
    of(soleCaller, { types: new Set(['job.working', 'job.output']) }),
    of(soleCaller, { jobIds: new Set([theirs.id]) }),
    of(user('me'), { jobIds: new Set([theirs.id]) }),
    of(user('nobody'))
  ]
  for (const job of [mine, theirs])
    at.store.move(write(at.store, at.store.move(job, 'working', { attempt: 1 }), inPieces(['a'])), 'done')
  await settle()
  const told = listeners.map(({ got }) =>
    got.map(({ owner, type }) => `${owner} ${type.slice(4)}`).join(', ')
  )
  const story = (owner: string) =>
    ['queued', 'working', 'output', 'done'].map(type => `${owner} ${type}`).join(', ')
  const both = 'me queued, them queued, me working, me output, me done, them working, them output, them done'
  const some = 'me working, me output, them working, them output'
  assert.deepEqual(told, [story('me'), story('them'), both, some, story('them'), '', ''])
})

test('who wants only what comes gets nothing of what was', async t => {
  const at = stage(t)
  const job = write(at.store, atWork(at), inPieces(['a', 'b']))
  const [ofJob, ofAll] = [new Listener(), new Listener()]
  at.followers.ofJob(job, 'latest', ofJob)
  at.followers.ofAll(soleCaller, {}, 'latest', ofAll)
  at.store.move(job, 'done')
  await settle()
  assert.deepEqual([ofJob.seqs, ofAll.seqs, ofJob.isEnded, ofAll.isEnded], [[5], [5], true, false])
})

test('who comes back to a job that has ended gets the rest and its end at once', t => {
  const at = stage(t)
  const job = at.store.move(write(at.store, atWork(at), inPieces(['a', 'b'])), 'done')
  const listener = new Listener()
  at.followers.ofJob(job, 3, listener)
  assert.deepEqual([listener.seqs, listener.isEnded, at.followers.size], [[4, 5], true, 0])
})

test('who comes back to all of them goes on behind its place', async t => {
  const at = stage(t)
  at.accept()
  const place = { epoch: at.epochs.current, n: lastPlace(at.db) }
  const missed = at.accept()
  const listener = new Listener()
  at.followers.ofAll(soleCaller, {}, place, listener)
  const live = at.accept()
  await settle()
  assert.deepEqual(
    listener.got.map(({ jobId }) => jobId),
    [missed.id, live.id]
  )
  assert.deepEqual(listener.gaps, [])
})

test('more than can be handed out in time is read from the log, by everybody and without a gap', async t => {
  const at = stage(t)
  const begun = atWork(at)
  const listeners = Array.from({ length: 120 }, () => new Listener())
  for (const listener of listeners) at.followers.ofJob(begun, 0, listener)
  let job: Job = begun
  for (let count = 0; count < 10; count += 1)
    job = write(at.store, job, inPieces(Array.from({ length: 60 }, () => 'a')))
  at.store.move(job, 'done')
  while (listeners.some(({ isEnded }) => !isEnded)) await turn()
  for (const { seqs } of listeners)
    assert.deepEqual(
      seqs,
      Array.from({ length: 603 }, (_, index) => index + 1)
    )
})

test('an event that a listener of another kind causes is handed out behind the one that caused it', async t => {
  const at = stage(t)
  const job = at.accept()
  const listener = new Listener()
  at.followers.ofJob(job, 0, listener)
  at.bus.on('event', ({ type }, now) => {
    if (type === 'job.working') at.store.move(now, 'done')
  })
  at.store.move(job, 'working', { attempt: 1 })
  await settle()
  assert.deepEqual(listener.seqs, [1, 2, 3])
})

test('who leaves is forgotten, and the others stay', async t => {
  const at = stage(t)
  const job = atWork(at)
  const [leaves, stays] = [new Listener(), new Listener()]
  const follower = at.followers.ofJob(job, 0, leaves)
  at.followers.ofJob(job, 0, stays)
  assert.equal(at.followers.size, 2)
  write(at.store, job, inPieces(['a']))
  follower.stop()
  await settle()
  assert.deepEqual([leaves.seqs, stays.seqs, at.followers.size], [[1, 2], [1, 2, 3], 1])
})
