import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { openStore } from '../core/database/open.ts'
import { JobBus } from '../core/jobs/events.ts'
import type { NewJob } from '../core/jobs/job.ts'
import { JobStore } from '../core/jobs/store.ts'
import { SwapLedger } from '../core/queue/swap-ledger.ts'
import { Board } from '../deploy/demo/board.ts'
import { type Screen, showProgress } from '../deploy/demo/display.ts'
import { faultsOf, readFigures } from '../deploy/demo/report.ts'
import { demoModels, planCallers } from '../deploy/demo/workload.ts'
import { temporaryDir } from './helpers/foreman.ts'

function newStore(t: TestContext) {
  const { db, close } = openStore(temporaryDir(t))
  t.after(close)
  const bus = new JobBus()
  const store = new JobStore(db, bus)
  const accept = (runner: string, model = runner) => {
    const job: NewJob = {
      owner: 'local',
      lane: 'worker',
      kind: 'chat',
      model,
      runner,
      priority: 'normal',
      attached: true,
      maxAttempts: 1,
      runTimeoutMs: 1000,
      retentionMs: 60_000
    }
    return store.accept([{ job, dueAt: Date.now() }])[0]!
  }
  return { db, bus, store, accept }
}

test('one seed gives one workload, with every class, model and route in it', () => {
  assert.deepEqual(planCallers(7), planCallers(7))
  assert.notDeepEqual(planCallers(7), planCallers(8))
  const calls = planCallers(7).flatMap(caller => caller.calls)
  assert.equal(new Set(calls.map(call => call.priority)).size, 3)
  assert.equal(new Set(calls.map(call => call.model)).size, demoModels.length)
  assert.equal(new Set(calls.map(call => `${call.route} ${call.streams}`)).size, 3)
})

test('the loads are those of the ledger, all arrivals counted', t => {
  const { db, accept } = newStore(t)
  const ledger = new SwapLedger(db)
  const swap = { model: 'm', evicted: null, startedAt: Date.now(), loaded: true }
  ledger.record({ ...swap, runner: 'a', durationMs: 100 })
  ledger.record({ ...swap, runner: 'a', durationMs: 200 })
  ledger.record({ ...swap, runner: 'b', durationMs: 7000, loaded: false })
  for (const runner of ['a', 'b', 'b', 'a']) accept(runner)
  const { happened, arrivalOrder } = readFigures(db)
  assert.deepEqual(
    [happened, arrivalOrder],
    [
      { loads: 2, ms: 300 },
      { loads: 3, ms: 300 }
    ]
  )
})

test('a run with a failed job, two generations at once or loads that differ is at fault', t => {
  const { db, store, accept } = newStore(t)
  const good = { loads: 0, maxConcurrent: 1 }
  store.move(store.move(accept('a'), 'working', { startedAt: Date.now() }), 'done')
  assert.deepEqual(faultsOf(readFigures(db), good), [])
  assert.equal(faultsOf(readFigures(db), { ...good, maxConcurrent: 2 }).length, 1)
  assert.equal(faultsOf(readFigures(db), { ...good, loads: 1 }).length, 1)
  store.move(accept('a'), 'failed')
  assert.deepEqual(faultsOf(readFigures(db), good), ['1 normal jobs did not end as done'])
})

test('the board follows a job from the queue through its load to its end', t => {
  const { bus, store, accept } = newStore(t)
  const board = new Board(['a', 'b'], bus)
  const look = () => [board.models.get('a')!, board.running?.state] as const
  const job = accept('runner-a', 'a')
  assert.deepEqual(look(), [{ memory: 'out', waiting: 1, done: 0, failed: 0, loads: 0 }, undefined])
  const loading = store.move(job, 'loading')
  assert.deepEqual(look(), [{ memory: 'loading', waiting: 0, done: 0, failed: 0, loads: 0 }, 'loading'])
  const working = store.move(loading, 'working')
  assert.deepEqual(look(), [{ memory: 'loaded', waiting: 0, done: 0, failed: 0, loads: 1 }, 'working'])
  store.move(working, 'done')
  store.move(accept('runner-b', 'b'), 'loading')
  assert.deepEqual(board.models.get('a'), { memory: 'out', waiting: 0, done: 1, failed: 0, loads: 1 })
  store.move(accept('runner-a', 'a'), 'canceled')
  assert.equal(board.total('failed'), 1)
})

test('on a terminal one block is drawn over itself, and no line is as long as the terminal', async t => {
  const { bus, accept } = newStore(t)
  const board = new Board(['a'], bus)
  const screen = new PassThrough({ encoding: 'utf8' })
  const stop = showProgress(board, 4, Object.assign(screen, { isTTY: true, columns: 60 }) satisfies Screen)
  const [first] = (await once(screen, 'data')) as [string]
  accept('a')
  const second = once(screen, 'data')
  stop()
  const lines = first.trimEnd().split('\n')
  const [again] = (await second) as [string]
  assert.ok(again.startsWith(`\x1b[${lines.length}A\x1b[J`))
  assert.ok(lines.every(line => line.length < 60))
  assert.match(again, /a +- +1 +0/)
})
