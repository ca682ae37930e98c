import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { SwapLedger } from '../../../core/queue/swap-ledger.ts'
import { type Span, WorkerHistory } from '../../../core/queue/worker-history.ts'
import { openDatabase } from '../jobs/fixtures.ts'

function newHistory(t: TestContext) {
  const db = openDatabase(t)
  const ledger = new SwapLedger(db)
  const insert =
    db.prepare(`INSERT INTO run (job_seq, lane, runner, model, attempt, began_at, ended_at, outcome)
    VALUES (?, ?, 'a', 'm', 1, ?, ?, 'done')`)
  const history = new WorkerHistory(db)
  return {
    history,
    run: (jobSeq: number, from: number, to: number, lane = 'worker') => insert.run(jobSeq, lane, from, to),
    swap: (startedAt: number, durationMs: number, loaded = true) =>
      ledger.record({ runner: 'a', model: 'm', evicted: null, startedAt, durationMs, loaded }),
    between: async (from: number, to: number) => {
      const found = await all(history.between(from, to))
      return found.map(span => [span.kind, span.from, span.to])
    }
  }
}

async function all(spans: AsyncIterable<Span>): Promise<Span[]> {
  const found: Span[] = []
  for await (const span of spans) found.push(span)
  return found
}

test('runs and swaps that lasted in a time come in its order, and no others', async t => {
  const { run, swap, between, history } = newHistory(t)
  swap(0, 10)
  run(1, 10, 20)
  run(2, 20, 30)
  swap(30, 15, false)
  swap(45, 5)
  run(3, 50, 60)
  run(4, 25, 55, 'embed')
  swap(60, 5)
  assert.deepEqual(await between(20, 60), [
    ['run', 20, 30],
    ['swap', 30, 45],
    ['swap', 45, 50],
    ['run', 50, 60]
  ])
  assert.deepEqual(await between(25, 26), [['run', 20, 30]])
  assert.deepEqual(await between(61, 70), [['swap', 60, 65]])
  const [failed] = await all(history.between(35, 36))
  assert.deepEqual([failed!.loaded, failed!.jobSeq, failed!.model], [false, null, 'm'])
})

test('a day of very many runs is read to its end, each once', async t => {
  const { run, swap, between } = newHistory(t)
  // Some end in the same moment, also at the border of a slice.
  for (let n = 0; n < 4500; n++) run(n, 10 * Math.floor(n / 3), 10 * Math.floor(n / 3) + 10)
  swap(7000, 0)
  swap(15_000, 5)
  const found = await between(0, 20_000)
  assert.equal(found.filter(([kind]) => kind === 'run').length, 4500)
  assert.deepEqual(found.at(-1), ['swap', 15_000, 15_005])
  assert.equal((await between(0, 5000)).length, 1500)
})

test('what ran last before a time is known', t => {
  const { run, history } = newHistory(t)
  run(1, 10, 20)
  run(2, 20, 30, 'embed')
  assert.deepEqual(history.lastBefore(40), { runner: 'a', model: 'm' })
  assert.equal(history.lastBefore(19), undefined)
})
