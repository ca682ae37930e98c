import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ArrivalOrder } from '../../../core/jobs/arrival-order.ts'
import { removeJob } from '../../../core/jobs/retention.ts'
import fc from '../../helpers/fast-check.ts'
import { type Bench, benchOn, newJob, openBench, openDatabase } from './fixtures.ts'

const counted = ({ db }: Bench) =>
  (db.prepare('SELECT sum(arrival_loads) FROM swap_hour').pluck().get() as number | null) ?? 0

const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ arrive: fc.constantFrom('a', 'b', 'c') }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.constant({ advance: true }) },
  { weight: 1, arbitrary: fc.constant({ bypass: true }) }
)
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never

function take(bench: Bench, step: Step, seen: string[]): void {
  if ('arrive' in step) {
    seen.push(step.arrive)
    bench.store.move(bench.accept({ runner: step.arrive }), 'canceled')
  } else if ('bypass' in step) {
    bench.store.move(bench.accept({ runner: 'e', lane: 'embed' }), 'canceled')
  } else if ('remove' in step) {
    const rows = bench.db.prepare('SELECT seq, id, owner, state, finished_at AS finishedAt FROM job').all()
    const job = rows.at(-1 - step.remove) as Parameters<typeof removeJob>[1] | undefined
    if (job !== undefined) removeJob(bench.db, job, 1)
  } else {
    // As after a restart.
    new ArrivalOrder(bench.db).advance()
  }
}

test('each change of runner among the arrivals counts once, whatever is removed and when it is counted', t => {
  const db = openDatabase(t)
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 40 }), steps => {
      db.exec('DELETE FROM job; DELETE FROM tombstone; DELETE FROM swap_hour')
      db.exec('UPDATE swap_total SET counted_seq = 0, counted_runner = NULL')
      const bench = benchOn(db)
      const seen: string[] = []
      for (const step of steps) take(bench, step, seen)
      new ArrivalOrder(db).catchUp()
      assert.equal(counted(bench), seen.filter((runner, at) => runner !== seen[at - 1]).length)
      new ArrivalOrder(db).catchUp()
      assert.equal(counted(bench), seen.filter((runner, at) => runner !== seen[at - 1]).length)
    }),
    // Where the newest job is removed, the next one gets its seq.
    { numRuns: 60, examples: [[[{ arrive: 'a' }, { remove: 0 }, { arrive: 'b' }]]] }
  )
})

test('arrivals are counted in the hour in which they came, for the runner that they want', t => {
  const hour = 3_600_000
  let clock = 0
  const bench = openBench(t, () => clock)
  for (const [at, runner] of [
    [1, 'a'],
    [2, 'b'],
    [hour, 'a'],
    [hour + 1, 'b'],
    [hour + 2, 'a']
  ] as const) {
    clock = at
    bench.accept({ runner })
  }
  new ArrivalOrder(bench.db).catchUp()
  const rows = bench.db.prepare('SELECT hour, runner, arrival_loads FROM swap_hour').raw().all()
  assert.deepEqual(rows, [
    [0, 'a', 1],
    [0, 'b', 1],
    [1, 'a', 2],
    [1, 'b', 1]
  ])
})

test('more than one batch is counted to the end, and one batch at a time', t => {
  const bench = openBench(t)
  const runnerOf = (n: number) => (n % 2 === 0 ? 'a' : 'b')
  bench.store.accept(
    Array.from({ length: 4500 }, (_, n) => ({ dueAt: 0, job: newJob({ runner: runnerOf(n) }) }))
  )
  const order = new ArrivalOrder(bench.db)
  const steps = [order, order, order, order].map(one => [one.advance(), counted(bench)])
  assert.deepEqual(steps, [
    [true, 2000],
    [true, 4000],
    [true, 4500],
    [false, 4500]
  ])
})
