/** The bound on waiting (ADR 0009): met to the moment in the worst case, and kept where a claim used to be lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Audit, type Longest } from './audit.ts'
import type { TargetFacts } from './simulated-target.ts'
import { type Call, type CallRecord, defaultRules, Simulation } from './simulation.ts'

const secondMs = 1000
const noPatience = { ...defaultRules(), patienceMs: { interactive: 15 * secondMs, normal: 0, batch: 0 } }

/** A flow that always has work: two calls, of which one runs and one waits. */
function stand(simulation: Simulation, call: Call): void {
  const again = () => simulation.call(simulation.agenda.now, call, again)
  again()
  again()
}

/** Runs until `record` was started, everything audited. */
async function until(
  simulation: Simulation,
  record: () => CallRecord,
  longest: Longest,
  keepsOld = false
): Promise<Audit> {
  const audit = new Audit(simulation, longest, keepsOld)
  await simulation.run(() => record()?.startedAt !== undefined)
  return audit
}

test('a claim waits one minimal turn, one job and three loads where everything goes against it', async () => {
  const patienceMs = { ...noPatience.patienceMs, batch: 3600 * secondMs }
  using simulation = new Simulation({ loadMs: () => 10 * secondMs }, { ...noPatience, patienceMs })
  stand(simulation, { runner: 'resident', priority: 'batch', workMs: 50 })
  // Its claim is made just after a load has begun.
  simulation.call(1, { runner: 'claimant', priority: 'normal', workMs: 1 })
  // Just before that claim is ripe, one that is more urgent overtakes it, with the longest job there is.
  simulation.call(99_940, { runner: 'overtaker', priority: 'interactive', workMs: 10 * secondMs })
  const claimant = () => simulation.records.find(({ call }) => call.runner === 'claimant')!
  const longest = { load: 10 * secondMs, expected: 10 * secondMs, work: 10 * secondMs }
  const { waits } = await until(simulation, claimant, longest)
  const { waited, bound } = waits.at(-1)!
  assert.equal(bound, 90_000 + 10_000 + 3 * 10_000)
  assert.ok(waited > bound - 100, `${waited} of ${bound} ms`)
  assert.equal(claimant().startedAt, waited + 1)
})

/**
 * A standing flow, and a claimant who competes with calls that fail: they are older than its own.
 * @returns how long the claimant waits, audited
 */
async function beside(failing: readonly Call[], claimAt: number, facts: TargetFacts): Promise<number> {
  using simulation = new Simulation(facts, noPatience)
  const standing: Call = { runner: 'standing', priority: 'normal', workMs: 5 * secondMs }
  stand(simulation, standing)
  for (const call of failing) simulation.call(0, call)
  simulation.call(claimAt, { ...standing, runner: 'claimant' })
  const claimant = () => simulation.records.find(({ call }) => call.runner === 'claimant')!
  const work = Math.max(standing.workMs, ...failing.map(({ workMs }) => workMs))
  const load = facts.loadMs('standing')
  const longest = { load, expected: load, work }
  await until(simulation, claimant, longest, facts.keepsOld)
  return claimant().startedAt! - claimant().arrivedAt
}

test('runners that are held back after failed loads claim anew, however old their jobs are', async () => {
  const loadFails = (runner: string) => runner.startsWith('broken')
  const call = (i: number): Call => ({ runner: `broken ${i % 2}`, priority: 'normal', workMs: secondMs })
  const failing = Array.from({ length: 40 }, (_, i) => call(i))
  const facts = { loadMs: () => 30 * secondMs, loadFails, keepsOld: true }
  const waited = await beside(failing, 3000 * secondMs, facts)
  // Either is tried once before the claimant, and after it the standing flow has a minimal turn anew.
  assert.ok(waited < 2 * (270 + 5 + 2 * 30) * secondMs + 30 * secondMs, `${waited}`)
})

test('a runner that crashes with every job claims anew, however old its jobs are', async () => {
  const call: Call = {
    runner: 'standing',
    priority: 'normal',
    workMs: 60 * secondMs,
    failures: 4,
    crashes: true
  }
  const waited = await beside(Array(20).fill(call), 30 * secondMs, { loadMs: () => 10 * secondMs })
  assert.ok(waited < (60 + 10) * secondMs, `${waited}`)
})

test('jobs that come back for another attempt wait for the next turn of their runner', async () => {
  const call = (i: number): Call => ({
    runner: `flaky ${i % 5}`,
    priority: 'normal',
    workMs: secondMs,
    failures: 4
  })
  const failing = Array.from({ length: 100 }, (_, i) => call(i))
  const waited = await beside(failing, 50 * secondMs, { loadMs: () => 10 * secondMs })
  // Each of the five has a turn before the claimant. By their age they would have two.
  assert.ok(waited < 480 * secondMs, `${waited}`)
})
