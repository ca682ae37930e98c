import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Lane } from '../../../core/queue/lane.ts'
import { median } from '../../../core/queue/load-times.ts'

interface Task {
  readonly id: string
}

/** A lane over a list of tasks, on the real better-queue, stopped with the test. */
function openLane(t: TestContext, run: (task: Task) => Promise<void>) {
  const waiting: Task[] = []
  const errors: unknown[] = []
  const lane = new Lane<Task>({ next: () => waiting.shift(), run, onError: err => errors.push(err) })
  t.after(() => lane.stop())
  const add = (...ids: string[]) => {
    waiting.push(...ids.map(id => ({ id })))
    lane.offer()
  }
  return { lane, waiting, errors, add }
}

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await turn()
}

test('nothing runs before the start, whatever is offered', async t => {
  const ran: string[] = []
  const { lane, waiting, add } = openLane(t, async ({ id }) => void ran.push(id))
  add('a', 'b')
  for (let n = 0; n < 100; n += 1) lane.offer()
  await turns(20)
  assert.deepEqual([ran, waiting.length, lane.busy], [[], 2, false])
  const done = new Promise<void>(resolve => {
    const { length } = ran
    const look = () => (ran.length >= length + 2 ? resolve() : setImmediate(look))
    look()
  })
  lane.start()
  await done
  assert.deepEqual(ran, ['a', 'b'])
})

test('a task starts within the offer that brings it, once the lane is idle', async t => {
  const { promise: first, resolve } = Promise.withResolvers<void>()
  const ran: string[] = []
  const { lane, add } = openLane(t, async ({ id }) => {
    ran.push(id)
    resolve()
  })
  lane.start()
  add('first')
  await first
  await turns(5)
  add('second')
  assert.deepEqual(ran, ['first', 'second'])
})

test('a rejection is reported and the next task runs', async t => {
  const { promise: last, resolve } = Promise.withResolvers<void>()
  const { lane, errors, add } = openLane(t, async ({ id }) => {
    if (id === 'last') resolve()
    else throw new Error(id)
  })
  lane.start()
  add('a', 'b', 'last')
  await last
  assert.deepEqual(errors.map(String), ['Error: a', 'Error: b'])
})

test('the next task is not asked for while one runs, and busy tells', async t => {
  const { promise: release, resolve } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const started: string[] = []
  const { lane, waiting, add } = openLane(t, async ({ id }) => {
    started.push(id)
    begin()
    await release
  })
  lane.start()
  add('a', 'b')
  await begun
  for (let n = 0; n < 1000; n += 1) lane.offer()
  await turns(5)
  assert.deepEqual([started, waiting.length, lane.busy], [['a'], 1, true])
  resolve()
  await turns(20)
  assert.deepEqual([started, lane.busy], [['a', 'b'], false])
})

test('a stop waits for the running task and starts no other', async t => {
  const { promise: release, resolve } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const ended: string[] = []
  const { lane, waiting, add } = openLane(t, async ({ id }) => {
    begin()
    await release
    ended.push(id)
  })
  lane.start()
  add('a', 'b')
  await begun
  const stopped = lane.stop().then(() => ended.push('stopped'))
  add('c')
  await turns(5)
  assert.deepEqual(ended, [])
  resolve()
  await stopped
  await turns(5)
  lane.offer()
  assert.deepEqual([ended, waiting.length, lane.busy], [['a', 'stopped'], 2, false])
})

test('a lane that never started, is idle, or has stopped already can be stopped', async t => {
  const { lane: fresh } = openLane(t, async () => {})
  await fresh.stop()
  const { lane: idle, add } = openLane(t, async () => assert.fail('runs after the stop'))
  idle.start()
  await turns(5)
  await idle.stop()
  await idle.stop()
  add('late')
  await turns(5)
})

test('from an offer to an idle lane to the run: time is told, not judged', async t => {
  const times: number[] = []
  let offeredAt = 0
  let ran = () => {}
  const { lane, add } = openLane(t, async () => {
    times.push(performance.now() - offeredAt)
    ran()
  })
  lane.start()
  for (let n = 0; n < 2000; n += 1) {
    await turns(2)
    const done = new Promise<void>(resolve => {
      ran = resolve
    })
    offeredAt = performance.now()
    add(`task ${n}`)
    await done
  }
  const sorted = times.toSorted((a, b) => a - b)
  const p99 = sorted[Math.floor(sorted.length * 0.99)]!
  t.diagnostic(`idle start: median ${median(times).toFixed(4)} ms, p99 ${p99.toFixed(4)} ms`)
  assert.equal(times.length, 2000)
})
