/** The bound on waiting (ADR 0009): met to the moment in the worst case, and kept where a claim used to be lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Audit } from './audit.ts'
import type { Longest } from './claim-waits.ts'
import type { TargetFacts } from './simulated-target.ts'
import { type Call, type CallRecord, defaultRules, Simulation } from './simulation.ts'
import { stand } from './standing.ts'

const secondMs = 1000
const noPatience = { ...defaultRules(), patienceMs: { interactive: 15 * secondMs, normal: 0, batch: 0 } }

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

test('beside one other model a call waits for a load under way, a minimal turn, a job and its load', async () => {
  const patienceMs = { interactive: 0, normal: 0, batch: 0 }
  using simulation = new Simulation({ loadMs: () => 10 * secondMs }, { ...noPatience, patienceMs })
  stand(simulation, { runner: 'resident', priority: 'interactive', workMs: 5 * secondMs })
  // One job ends a moment before the claim is ripe, so that another one begins.
  simulation.call(0, { runner: 'resident', priority: 'interactive', workMs: 4999 })
  simulation.call(1, { runner: 'claimant', priority: 'interactive', workMs: 1 })
  const claimant = () => simulation.records.find(({ call }) => call.runner === 'claimant')!
  const longest = { load: 10 * secondMs, expected: 10 * secondMs, work: 5 * secondMs }
  const { waits } = await until(simulation, claimant, longest)
  const { waited, bound } = waits.at(-1)!
  assert.equal(bound, 10_000 + 40_000 + 5000 + 10_000)
  assert.equal(waited, bound - 2)
})

test('a claim that is overtaken waits for the other to work off its load as well, and no longer', async () => {
  const loads: Record<string, number> = { resident: 1000, overtaker: 9999 }
  const loadMs = (runner: string) => loads[runner] ?? 10_000
  const facts = { loadMs, loadFails: (runner: string) => runner === 'broken', keepsOld: true }
  using simulation = new Simulation(facts, noPatience)
  const call = (runner: string, workMs: number): Call => ({ runner, priority: 'normal', workMs })
  // Both have been loaded before, so that the overtaker is known to be a little cheaper.
  simulation.call(0, call('overtaker', 1))
  simulation.call(1, call('claimant', 1))
  simulation.agenda.at(25_000, () => stand(simulation, call('resident', 9999)))
  const claimedAt = 26_000 + 8 * 9999
  simulation.call(claimedAt, { runner: 'broken', priority: 'interactive', workMs: 1, attached: true })
  // The claim is made just after the longest load has begun; it fails, and the turn begins anew.
  simulation.call(claimedAt + 1, call('claimant', 1))
  // This one is made later and is ripe 9 ms earlier. A moment before its load is worked off a job begins.
  simulation.call(claimedAt + 2, call('overtaker', 9990))
  simulation.agenda.at(claimedAt + 2, () => stand(simulation, call('overtaker', 10_000)))
  const claimant = () => simulation.records.filter(record => record.call.runner === 'claimant')[1]!
  const { waits } = await until(simulation, claimant, { load: 10_000, expected: 10_000, work: 10_000 }, true)
  const { waited, bound } = waits.at(-1)!
  assert.equal(bound, 10_000 + (90_000 + 10_000 + 10_000) + (90_000 + 10_000))
  assert.ok(waited > bound - 25, `${waited} of ${bound} ms`)
})

test('of runners with an old backlog each has two more turns at most before a claim', async () => {
  using simulation = new Simulation({ loadMs: () => 10 * secondMs }, noPatience)
  const call: Call = { runner: 'claimant', priority: 'normal', workMs: secondMs }
  for (let i = 0; i < 900; i++) simulation.call(0, { ...call, runner: 'abc'[i % 3]! })
  simulation.call(450 * secondMs, call)
  const claimant = () => simulation.records.find(record => record.call === call)!
  await until(simulation, claimant, { load: 10 * secondMs, expected: 10 * secondMs, work: secondMs })
  // It comes in the second turn of `b`, for which that counts as one of the two.
  assert.equal(simulation.loads.map(({ runner }) => runner[0]).join(''), 'abcab' + 'abcac' + 'c')
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
  // Either is tried twice before the claimant, and after it the standing flow has a minimal turn anew.
  assert.ok(waited < (30 + 5 * (270 + 5 + 30)) * secondMs, `${waited}`)
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
