import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from 'better-sqlite3'
import { QueueDepth } from '../../../core/jobs/depth.ts'
import type { Job } from '../../../core/jobs/job.ts'
import { jobStates, mayBecome } from '../../../core/jobs/states.ts'
import fc from '../../helpers/fast-check.ts'
import { type Bench, benchOn, openBench, openDatabase } from './fixtures.ts'
import { fullScans, statementsOf } from './plans.ts'

const runners = ['a', 'b', 'c'] as const

const owners = ['ann', 'bob'] as const

const anyStep = fc.oneof(
  fc.record({
    accept: fc.constantFrom(...runners),
    owner: fc.constantFrom(...owners),
    delayed: fc.boolean(),
    attached: fc.boolean()
  }),
  fc.record({ move: fc.nat(20), to: fc.constantFrom(...jobStates) })
)
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never

function follow(bench: Bench, jobs: Job[], step: Step): void {
  if ('accept' in step) {
    const availableAt = step.delayed ? Date.now() + 60_000 : undefined
    const { accept: runner, owner, attached } = step
    jobs.push(bench.accept({ runner, owner, attached, availableAt }))
    return
  }
  const index = step.move % Math.max(1, jobs.length)
  const job = jobs[index]
  if (job !== undefined && mayBecome(job.state, step.to)) jobs[index] = bench.store.move(job, step.to)
}

function counted(db: Database, by: 'runner' | 'owner'): Record<string, number> {
  const rows = db
    .prepare(`SELECT ${by} AS name, count(*) AS n FROM job WHERE state = 'queued' GROUP BY ${by}`)
    .all()
  return Object.fromEntries((rows as { name: string; n: number }[]).map(({ name, n }) => [name, n]))
}

function equalsCount(depth: QueueDepth, db: Database): void {
  const shares = counted(db, 'owner')
  for (const owner of owners) assert.equal(depth.ofOwner(owner), shares[owner] ?? 0, owner)
  const count = counted(db, 'runner')
  for (const runner of runners) assert.equal(depth.of(runner), count[runner] ?? 0, runner)
  assert.equal(
    depth.total,
    Object.values(count).reduce((sum, n) => sum + n, 0)
  )
}

test('the depth equals a count of the rows after any moves, and after a restart', t => {
  const db = openDatabase(t)
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), steps => {
      db.exec('DELETE FROM job')
      const bench = benchOn(db)
      const depth = new QueueDepth(db, bench.bus)
      const jobs: Job[] = []
      for (const step of steps) follow(bench, jobs, step)
      equalsCount(depth, db)
      equalsCount(new QueueDepth(db, bench.bus), db)
    }),
    { numRuns: 150 }
  )
})

test('jobs that move to another runner are counted there, and leave from there', t => {
  const bench = openBench(t)
  const depth = new QueueDepth(bench.db, bench.bus)
  const [job] = [bench.accept({ runner: 'a' }), bench.accept({ runner: 'a' })]
  bench.db.exec("UPDATE job SET runner = 'b'")
  depth.renamed('a', 'b', 'normal', 2)
  equalsCount(depth, bench.db)
  bench.store.move(bench.store.get(job.id)!, 'working')
  equalsCount(depth, bench.db)
  assert.deepEqual([depth.of('a'), depth.of('b'), depth.total], [0, 1, 1])
})

test('jobs of all lanes are counted', t => {
  const bench = openBench(t)
  bench.accept({ lane: 'embed', runner: 'a' })
  bench.accept({ lane: 'worker', runner: 'a' })
  const depth = new QueueDepth(bench.db, bench.bus)
  assert.deepEqual([depth.of('a'), depth.total], [2, 2])
})

test('a start counts from the indexes of waiting jobs', t => {
  const { db, bus } = openBench(t)
  const statements = statementsOf(db, () => new QueueDepth(db, bus))
  assert.equal(statements.length, 2)
  for (const sql of statements) assert.deepEqual(fullScans(db, sql), [])
})
