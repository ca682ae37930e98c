/** Forecasts against what the real schedule then does, on the simulated clock. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { priorities } from '../../core/jobs/priority.ts'
import type { Forecast } from '../../core/queue/forecast.ts'
import { testSeed } from '../helpers/seed.ts'
import { Simulation } from './simulation.ts'
import { busy, overload, play, seeded, toMs, type Workload } from './workloads.ts'

const minuteMs = 60_000

/** How a burst of jobs was foretold, and how it went: nothing else comes in. */
async function runBurst(seed: number) {
  const random = seeded(seed)
  const upTo = (most: number) => Math.floor(random() * most)
  const runners = ['a', 'b', 'c', 'd'].slice(0, 1 + upTo(4))
  const workMs = new Map(runners.map(runner => [runner, 100 + upTo(5000)]))
  const loadMs = new Map(runners.map(runner => [runner, 500 + upTo(20_000)]))
  using simulation = new Simulation({ loadMs: runner => loadMs.get(runner)! })
  const { forecaster } = simulation.foretells()
  const call = (at: number, runner: string, priority = priorities[upTo(3)]!) =>
    simulation.call(at, { runner, priority, workMs: workMs.get(runner)! })
  // What loads and runs take is learned first.
  for (const [index, runner] of runners.entries()) call(index * minuteMs, runner, 'normal')
  const at = 10 * minuteMs
  for (let jobs = 1 + upTo(120); jobs > 0; jobs--) call(at, runners[upTo(runners.length)]!)
  const foretold = new Map<string, Forecast>()
  const burst = () => simulation.records.filter(({ arrivedAt }) => arrivedAt === at)
  simulation.agenda.at(at, () => {
    for (const { job } of burst()) foretold.set(job.id, forecaster.of(job))
  })
  await simulation.run()
  return { went: burst().sort((one, other) => one.startedAt! - other.startedAt!), foretold }
}

test('what waits is foretold to the millisecond where runs take their mean and nothing else comes in', async t => {
  const firstSeed = testSeed
  let jobs = 0
  for (let seed = firstSeed; seed < firstSeed + 40; seed++) {
    const { went, foretold } = await runBurst(seed)
    jobs += went.length
    for (const [place, { job, startedAt }] of went.entries()) {
      const { estimatedStartAt, position } = foretold.get(job.id)!
      const told = { startedAt: estimatedStartAt, position }
      assert.deepEqual(told, { startedAt, position: place }, `TEST_SEED=${seed}`)
    }
  }
  t.diagnostic(`${jobs} jobs`)
})

/** Runs a workload with estimates. */
async function foretell(workload: Workload) {
  using simulation = new Simulation({ loadMs: runner => toMs(workload.load(runner)) })
  const { estimates } = simulation.foretells()
  play(workload, simulation)
  const until = toMs(workload.until ?? Number.POSITIVE_INFINITY)
  await simulation.run(() => simulation.agenda.now >= until)
  return { score: estimates.score(), met: estimates.newest(100_000) }
}

for (const [name, workload] of Object.entries({ busy, overload })) {
  test(`under a lasting load (${name}) eight to ten of ten jobs start within the p90`, async t => {
    const { score, met } = await foretell(workload())
    const share = score.withinP90 / score.jobs
    t.diagnostic(`${score.withinP90} of ${score.jobs} within the p90: ${share.toFixed(3)}`)
    assert.ok(share >= 0.8 && share <= 1, `share ${share}`)
    assert.equal(score.jobs, met.length)
    assert.equal(met.filter(({ waitedMs, p90Ms }) => waitedMs <= p90Ms).length, score.withinP90)
  })
}

test('the p90 is worth something: half of the jobs wait for more than half of it', async t => {
  const { met } = await foretell(busy())
  const parts = met.map(({ waitedMs, p90Ms }) => (waitedMs + 1000) / (p90Ms + 1000)).sort((a, b) => a - b)
  const middle = parts[Math.floor(parts.length / 2)]!
  t.diagnostic(`the middle job waits for ${middle.toFixed(2)} of its p90`)
  assert.ok(middle > 0.5, `${middle}`)
})
