/**
 * The real schedule, from arrival to end of 100 000 jobs, under random traffic on a simulated clock. What holds at
 * every moment is in `audit.ts`. `TEST_SEED=n` begins with the seed of a failure.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testSeed } from '../helpers/seed.ts'
import { Audit } from './audit.ts'
import type { ClaimWait } from './claim-waits.ts'
import { played, scenario } from './scenarios.ts'
import { Simulation } from './simulation.ts'

const leastJobs = 100_000

test('whatever comes, the schedule keeps its promises and every job ends once', async t => {
  const firstSeed = testSeed
  const waits: ClaimWait[] = []
  let jobs = 0
  let seed = firstSeed
  for (; jobs < leastJobs; seed++) {
    jobs += await played(seed, () => runAudited(seed, waits))
  }
  const longest = waits.reduce((a, b) => (a.waited / a.bound > b.waited / b.bound ? a : b))
  t.diagnostic(`seeds ${firstSeed} to ${seed - 1}: ${jobs} jobs, ${waits.length} claims`)
  t.diagnostic(`longest wait ${longest.waited} ms where the bound is ${longest.bound} ms`)
  assert.ok(longest.waited > longest.bound / 2, 'the bound says something about what happens')
})

async function runAudited(seed: number, waits: ClaimWait[]): Promise<number> {
  const { target, rules, longest, play } = scenario(seed)
  using simulation = new Simulation(target, rules)
  const audit = new Audit(simulation, longest, target.keepsOld)
  play(simulation)
  await simulation.run()
  audit.finish()
  waits.push(...audit.waits)
  return simulation.records.length
}
