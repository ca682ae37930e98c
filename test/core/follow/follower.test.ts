/** One follower: every event of its feed once and in order, however it is stored, taken and missed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Feed, Gap, Page } from '../../../core/follow/feeds.ts'
import { Follower, type Sink } from '../../../core/follow/follower.ts'
import type { JobEvent } from '../../../core/jobs/events.ts'
import fc from '../../helpers/fast-check.ts'

/** A log in memory, of one job. */
class Log implements Feed {
  readonly jobId = 'job'
  readonly stored: JobEvent[] = []
  reads = 0
  isRemoved = false

  read(after: number, limit: number): Page {
    this.reads += 1
    const events = this.stored.filter(({ seq }) => seq > after).slice(0, limit)
    return { events, upTo: events.length < limit ? undefined : events.at(-1)!.seq }
  }

  has(): boolean {
    return true
  }

  hasLive(): boolean {
    return true
  }

  placeOf({ seq }: JobEvent): number {
    return seq
  }

  isLast({ type }: JobEvent): boolean {
    return type === 'job.done'
  }

  isGone(): boolean {
    return this.isRemoved
  }

  store(type: JobEvent['type'] = 'job.output'): JobEvent {
    const seq = this.stored.length + 1
    const event = { id: '', jobId: 'job', owner: '', seq, n: seq, type, attempt: 1, createdAt: 0, data: {} }
    this.stored.push(event)
    return event
  }
}

/** Takes so many events, then is full until it is emptied. */
class Taker implements Sink {
  readonly got: (number | Gap | 'ended' | 'gone')[] = []
  room: number
  behind = 0
  readonly #most: number

  constructor(most = Number.POSITIVE_INFINITY) {
    this.#most = most
    this.room = most
  }

  get isFull(): boolean {
    return this.room <= 0
  }

  event({ seq }: JobEvent): void {
    assert.ok(!this.isFull, 'nothing is handed to one that is full')
    this.room -= 1
    this.got.push(seq)
  }

  gap(gap: Gap): void {
    this.got.push(gap)
  }

  ended(): void {
    this.got.push('ended')
  }

  gone(): void {
    this.got.push('gone')
  }

  fellBehind(): void {
    this.behind += 1
  }

  empty(): void {
    this.room = this.#most
  }
}

function follow(log: Log, taker: Sink, from = 0) {
  let left = 0
  const follower = new Follower(log, from, taker, () => {
    left += 1
  })
  return { follower, left: () => left }
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)
const act = fc.constantFrom('store', 'store', 'store', 'offer', 'drain', 'missed', 'turn')

test('whatever happens in whatever order, each event comes once and in order, and the end behind the last', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(100),
      async (acts, most, before) => {
        const [log, taker] = [new Log(), new Taker(most)]
        for (let count = 0; count < before; count += 1) log.store()
        const { follower, left } = follow(log, taker)
        follower.start()
        // Stored, and not yet handed out: as those are that wait for the next turn.
        const waiting: JobEvent[] = []
        for (const one of acts) {
          if (one === 'store') waiting.push(log.store())
          if (one === 'offer') for (const event of waiting.splice(0, 2)) follower.offer(event)
          if (one === 'drain') {
            taker.empty()
            follower.drained()
          }
          // Whoever is told so is offered none of those that wait.
          if (one === 'missed') {
            waiting.length = 0
            follower.missed()
          }
          if (one === 'turn') await turn()
        }
        waiting.push(log.store('job.done'))
        for (const event of waiting) follower.offer(event)
        while (left() === 0) {
          taker.empty()
          follower.drained()
          await turn()
        }
        assert.deepEqual(taker.got, [...upTo(log.stored.length), 'ended'])
        assert.equal(left(), 1)
      }
    ),
    { numRuns: 300 }
  )
})

test('one that keeps up is handed events as they come, and the log is not read again', () => {
  const [log, taker] = [new Log(), new Taker()]
  const { follower } = follow(log, taker)
  follower.start()
  for (const _count of upTo(100)) follower.offer(log.store())
  assert.deepEqual(taker.got, upTo(100))
  assert.equal(log.reads, 1)
})

test('one that is full says so once, takes nothing, and reads on when it was emptied', async () => {
  const [log, taker] = [new Log(), new Taker(2)]
  const { follower } = follow(log, taker)
  follower.start()
  for (const _count of upTo(5)) follower.offer(log.store())
  assert.deepEqual([taker.got, taker.behind], [[1, 2], 1])
  for (const last of [4, 5]) {
    taker.empty()
    follower.drained()
    follower.drained()
    await turn()
    assert.deepEqual(taker.got, upTo(last))
  }
  follower.offer(log.store())
  assert.deepEqual([taker.got, taker.behind], [upTo(6), 1])
})

test('a long log is read a page in a turn, and the loop is free between them', async () => {
  const [log, taker] = [new Log(), new Taker()]
  for (const _count of upTo(300)) log.store()
  const { follower } = follow(log, taker)
  follower.start()
  assert.ok(taker.got.length < 100)
  while (taker.got.length < 300) {
    const before = taker.got.length
    await turn()
    assert.ok(taker.got.length - before < 100)
  }
  assert.deepEqual(taker.got, upTo(300))
})

test('a gap comes before everything, and what is in the log behind its place', () => {
  const [log, taker] = [new Log(), new Taker()]
  for (const _count of upTo(3)) log.store()
  const { follower } = follow(log, taker, 1)
  const gap = { oldestSeq: 2, snapshotSeq: null }
  follower.start(gap)
  assert.deepEqual(taker.got, [gap, 2, 3])
})

test('one that is stopped gets nothing any more, also from inside of an event, and leaves once', async () => {
  const log = new Log()
  for (const _count of upTo(10)) log.store()
  const got: number[] = []
  const sink: Sink = {
    isFull: false,
    event({ seq }) {
      got.push(seq)
      if (seq === 4) follower.stop()
    },
    gap: () => assert.fail('there is no gap'),
    ended: () => assert.fail('it did not end')
  }
  const { follower, left } = follow(log, sink)
  follower.start()
  follower.missed()
  follower.drained()
  follower.offer(log.store('job.done'))
  follower.stop()
  await turn()
  assert.deepEqual([got, left()], [[1, 2, 3, 4], 1])
})

test('where the last event was seen before, nothing comes but what the log has behind it', async () => {
  const [log, taker] = [new Log(), new Taker()]
  log.store()
  log.store('job.done')
  const { follower, left } = follow(log, taker, 1)
  follower.start()
  assert.deepEqual([taker.got, left()], [[2, 'ended'], 1])
})

test('one whose job is removed before it has read everything is told so, once', async () => {
  const [log, taker] = [new Log(), new Taker(2)]
  for (const _count of upTo(3)) log.store()
  const { follower, left } = follow(log, taker)
  follower.start()
  log.stored.length = 0
  log.isRemoved = true
  for (const _count of upTo(2)) {
    taker.empty()
    follower.drained()
    await turn()
  }
  assert.deepEqual([taker.got, left()], [[1, 2, 'gone'], 1])
})
