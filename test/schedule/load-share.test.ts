/**
 * What loading costs while every runner has work waiting: `queue.load_share` is a promise about that.
 *
 * Measured is each load with the turn that it begins, up to the next load: of that time loading takes the share at
 * most, and so it does of any stretch that is made of such turns, from the first load on. A turn that ends because
 * its runner has no more work is not held to that: the last test here says what such a visitor costs.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { priorities } from '../../core/jobs/priority.ts'
import { testSeed } from '../helpers/seed.ts'
import { Audit } from './audit.ts'
import { played, standingBacklog } from './scenarios.ts'
import { type Call, defaultRules, type Rules, Simulation } from './simulation.ts'
import { type LoadAndTurn, loadingPart, runTurns, stand } from './standing.ts'

const secondMs = 1000
/** Of a share that is met to the ms, in floating point. */
const rounding = 1 + 4 * Number.EPSILON
const noPatience: Rules = { ...defaultRules(), patienceMs: { interactive: 0, normal: 0, batch: 0 } }
const leastArrivals = 20_000

/** A runner with endless work of one class, by the time that it takes to load. */
type Standing = Pick<Call, 'priority'> & { readonly loadS: number }

async function turnsOf(standing: readonly Standing[], workMs: number, turns: number): Promise<LoadAndTurn[]> {
  const facts = { loadMs: (runner: string) => standing[Number(runner)]!.loadS * secondMs }
  using simulation = new Simulation(facts, noPatience)
  for (const [runner, { priority }] of standing.entries()) {
    stand(simulation, { runner: String(runner), priority, workMs })
  }
  return await runTurns(simulation, turns)
}

/** The greatest part that a load took of the time up to the next one. */
function worst(turns: readonly LoadAndTurn[]): number {
  return Math.max(...turns.map(({ load, ms }) => load.ms / ms))
}

/** Runs the random backlog of a seed, audited. @returns its worst load as a part of the share */
async function backlogOf(seed: number, classes: number): Promise<{ jobs: number; ofShare: number }> {
  const { target, rules, longest, flows, depth } = standingBacklog(seed, classes)
  using simulation = new Simulation(target, rules)
  new Audit(simulation, longest)
  for (const flow of flows) stand(simulation, flow, depth)
  const part = worst(await runTurns(simulation, 12))
  const share = Math.max(...flows.map(({ priority }) => rules.rules.loadShare[priority]))
  assert.ok(part <= share * rounding, `${part} instead of ${share}`)
  return { jobs: simulation.records.length, ofShare: part / share }
}

test('where all runners are alike, loading takes the share exactly', async () => {
  const alike = Array.from({ length: 3 }, () => ({ loadS: 10, priority: 'normal' }) as const)
  const turns = await turnsOf(alike, secondMs, 30)
  assert.equal(loadingPart(turns), 0.1)
  assert.equal(worst(turns), 0.1)
})

test('where loads differ by a little, no turn is cut short by a clock that was kept', async () => {
  const standing = [15.23, 15.24, 15.85, 17.55].map(loadS => ({ loadS, priority: 'normal' }) as const)
  const turns = await turnsOf(standing, 500, 40)
  assert.ok(worst(turns) <= 0.1 * rounding, `${worst(turns)}`)
  assert.ok(loadingPart(turns) > 0.095, 'and they are not much longer than they have to be')
})

test('where classes are mixed as well, a turn is paid at the share of the most urgent one', async () => {
  const standing = [
    { loadS: 10, priority: 'interactive' },
    { loadS: 9.5, priority: 'normal' },
    { loadS: 11, priority: 'batch' },
    { loadS: 21, priority: 'normal' }
  ] as const
  const turns = await turnsOf(standing, 500, 40)
  assert.ok(worst(turns) <= 0.2 * rounding, `${worst(turns)}`)
  assert.ok(worst(turns) > 0.19, `${worst(turns)}`)
})

for (const [classes, most] of Object.entries({ 'one class': 1, 'mixed classes': priorities.length })) {
  test(`whatever the loads, ${classes}: no load takes more than the largest share present`, async t => {
    const firstSeed = testSeed
    let seed = firstSeed
    let arrivals = 0
    let closest = 0
    for (; arrivals < leastArrivals; seed++) {
      const { jobs, ofShare } = await played(seed, () => backlogOf(seed, most))
      closest = Math.max(closest, ofShare)
      arrivals += jobs
    }
    t.diagnostic(`seeds ${firstSeed} to ${seed - 1}: ${arrivals} jobs; ${closest} of the share at most`)
    assert.ok(closest > 0.9, 'the share says something about what happens')
  })
}

test('a visitor of one job costs two loads: his own, and the way back', async () => {
  using simulation = new Simulation({ loadMs: () => 10 * secondMs }, noPatience)
  stand(simulation, { runner: 'resident', priority: 'batch', workMs: secondMs })
  const visit: Call = { runner: 'visited', priority: 'interactive', workMs: 2 * secondMs }
  // He comes as soon as his last visit is over, so that he is waited for whenever the turn has lasted long enough.
  const again = () => simulation.call(simulation.agenda.now + 5 * secondMs, visit, again)
  again()
  const turns = await runTurns(simulation, 40)
  const [stay, away] = [turns.filter((_, i) => i % 2 === 0), turns.filter((_, i) => i % 2 === 1)]
  assert.deepEqual(new Set(away.map(({ load }) => load.runner)), new Set(['visited']))
  // A load and four times as much work; a load and the visit. Only the first visitor is waited for to come back.
  assert.deepEqual(new Set(stay.map(({ ms }) => ms)), new Set([50 * secondMs]))
  assert.deepEqual(new Set(away.slice(1).map(({ ms }) => ms)), new Set([12 * secondMs]))
  assert.ok(loadingPart(turns) > 0.32 && loadingPart(turns) < 1 / 3, 'two loads of ten seconds in a minute')
})
