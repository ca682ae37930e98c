import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { NewJob } from '../../../core/jobs/job.ts'
import { WaitingJobs } from '../../../core/jobs/waiting.ts'
import { EmbedDispatcher } from '../../../core/queue/embed-dispatcher.ts'
import { sortEmbeds } from '../../../core/queue/embed-sort.ts'
import { openBench } from '../jobs/fixtures.ts'

/** A dispatcher on a real store; its embedder has the runner `e`. */
function open(t: TestContext, mostDurable = 3) {
  const clock = { now: 1000 }
  const bench = openBench(t, () => clock.now)
  const state = { serves: true, up: true }
  const wakes: (number | undefined)[] = []
  const dispatcher = new EmbedDispatcher({
    ...{ ...bench, waiting: new WaitingJobs(bench.db), mostDurable, now: () => clock.now },
    embedder: {
      get serves() {
        return state.serves
      },
      takes: runner => runner === 'e'
    },
    isUp: () => state.up,
    wakeAt: at => wakes.push(at)
  })
  dispatcher.open()
  const take = (part: Partial<NewJob>, dueAt: number) =>
    bench.accept({ kind: 'embed', runner: 'e', lane: part.attached ? 'bypass' : 'embed', ...part }, dueAt)
  return { ...bench, clock, state, wakes, dispatcher, take }
}

test('of an attached and a durable head the one that is due earlier goes first', t => {
  const { dispatcher, take } = open(t)
  const jobs = [take({}, 20), take({ attached: true }, 30), take({ attached: true }, 10), take({}, 25)]
  const order = jobs.map(() => dispatcher.next()!.job.seq)
  assert.deepEqual(order, [1, 4, 2, 3])
  assert.equal(dispatcher.next(), undefined)
})

test('durable jobs leave room for an attached one, and get theirs back when they end', t => {
  const { dispatcher, take, store } = open(t, 2)
  for (let n = 0; n < 3; n += 1) take({}, n)
  const running = [dispatcher.next()!, dispatcher.next()!]
  assert.equal(dispatcher.next(), undefined)
  take({ attached: true }, 99)
  assert.equal(dispatcher.next()!.job.attached, true)
  dispatcher.ran(store.move(running[0]!.job, 'done'))
  assert.equal(dispatcher.next()!.job.seq, 3)
})

test('nothing is given out in a pause, without the embedder, or while the target is away', t => {
  const { dispatcher, take, state } = open(t)
  take({}, 0)
  take({ attached: true }, 0)
  dispatcher.shut()
  assert.equal(dispatcher.next(), undefined)
  dispatcher.open()
  state.serves = false
  assert.equal(dispatcher.next(), undefined)
  Object.assign(state, { serves: true, up: false })
  assert.equal(dispatcher.next(), undefined)
  state.up = true
  assert.deepEqual([dispatcher.next()?.swap, dispatcher.next()?.swap], [false, false])
})

test('a delayed job wakes it when its time has come', t => {
  const { dispatcher, take, wakes, clock } = open(t)
  take({ availableAt: 5000 }, 0)
  assert.equal(dispatcher.next(), undefined)
  assert.equal(wakes.at(-1), 5000)
  clock.now = 5000
  dispatcher.changed()
  assert.equal(dispatcher.next()?.job.attempt, 1)
})

test('waiting embeddings move to the worker and back, and nothing else does', t => {
  const { db, take, accept, store, dispatcher } = open(t)
  const jobs = [
    take({}, 1),
    take({ attached: true }, 2),
    take({ availableAt: 1e6 }, 3),
    accept({ runner: 'e' })
  ]
  const lanes = () => jobs.map(({ id }) => store.get(id)!.lane)
  assert.deepEqual(sortEmbeds(db, undefined), [])
  assert.deepEqual(lanes(), ['worker', 'worker', 'worker', 'worker'])
  const attached = sortEmbeds(db, 'e')
  assert.deepEqual(lanes(), ['embed', 'bypass', 'embed', 'worker'])
  dispatcher.shares.replace(attached)
  assert.equal(dispatcher.shares.first()?.seq, 2)
  sortEmbeds(db, 'other')
  assert.deepEqual(lanes(), ['worker', 'worker', 'worker', 'worker'])
})
