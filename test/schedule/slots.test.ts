/**
 * Several slots (ADR 0022) on the simulated clock: what they save, and that what ADR 0009 promises holds with them.
 * `TEST_SEED=n` begins with the seed of a failure.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasEnded } from '../../core/jobs/states.ts'
import { testSeed } from '../helpers/seed.ts'
import { Audit } from './audit.ts'
import type { ClaimWait } from './claim-waits.ts'
import { type Outcome, quantile, runSchedule } from './outcome.ts'
import { played, scenario } from './scenarios.ts'
import type { TargetFacts } from './simulated-target.ts'
import { type Call, defaultRules, type Rules, Simulation } from './simulation.ts'
import { busy, overload, personBesideBatch, threeAgents, toMs, type Workload } from './workloads.ts'

const secondMs = 1000
const tenSeconds = { loadMs: () => 10 * secondMs }
const leastJobs = 16_000
/** As many as a scenario has at most. */
const mostRunners = 8

function withSlots(slots: number, { rules, ...others }: Rules = defaultRules()): Rules {
  return { ...others, rules: { ...rules, slots } }
}

async function scheduled(
  workload: Workload,
  slots: number,
  facts: Partial<TargetFacts> = {}
): Promise<Outcome> {
  const target = { loadMs: (runner: string) => toMs(workload.load(runner)), ...facts }
  using simulation = new Simulation(target, withSlots(slots))
  return await runSchedule(workload, simulation)
}

const busyDays = new Map<number, Promise<Outcome>>()

/** Four models and a worker with work for 0.8 of its time; played once for each number of slots. */
function busyWith(slots: number): Promise<Outcome> {
  const day = busyDays.get(slots) ?? scheduled(busy(), slots)
  busyDays.set(slots, day)
  return day
}

test('with a slot for every runner each is loaded once', async () => {
  assert.equal((await busyWith(4)).loads, 4)
  assert.equal((await scheduled(overload(), 3)).loads, 3)
})

test('agents who find a slot free do not wait for their patience: loads and work take all the time', async () => {
  const { totalMs, loads, waitsMs } = await scheduled(threeAgents(), 3)
  assert.deepEqual([loads, totalMs], [3, (3 * 10 + 450 * 3) * secondMs])
  assert.ok(quantile(waitsMs.normal, 1) < 40 * secondMs)
})

test('a person on a loaded model waits for the running job of a batch, no longer', async () => {
  const { waitsMs, loads } = await scheduled(personBesideBatch(), 2)
  assert.equal(loads, 2)
  assert.ok(quantile(waitsMs.interactive, 0.95) < 4 * secondMs)
})

test('each slot more costs no more loads, on a target with room for it', async () => {
  const loads: number[] = []
  for (const slots of [1, 2, 3, 4]) loads.push((await busyWith(slots)).loads)
  assert.deepEqual(
    loads,
    loads.toSorted((a, b) => b - a)
  )
})

test('less urgent work does not hold up what is loaded for the sake of a free slot', async () => {
  using simulation = new Simulation(tenSeconds, withSlots(2))
  const call: Call = { runner: 'loaded', priority: 'normal', workMs: secondMs }
  for (let i = 0; i < 20; i++) simulation.call(0, call)
  simulation.call(1, { ...call, runner: 'batch', priority: 'batch' })
  simulation.call(2, { ...call, runner: 'other' })
  await simulation.run()
  const [first, second, third] = simulation.loads
  assert.deepEqual([first?.runner, second?.runner, third?.runner], ['loaded', 'other', 'batch'])
  assert.deepEqual([second?.startedAt, third?.startedAt], [11 * secondMs, 41 * secondMs + 1 * secondMs])
})

test('the worker lingers before somebody has to go, not before it goes over or takes a free slot', async () => {
  using simulation = new Simulation(tenSeconds, withSlots(2))
  const call: Call = { runner: 'a', priority: 'normal', workMs: secondMs }
  simulation.call(0, call)
  simulation.call(1, { ...call, runner: 'b' })
  simulation.call(2, call)
  simulation.call(3, { ...call, runner: 'c' })
  await simulation.run()
  const started = simulation.records.map(
    ({ call: { runner }, startedAt }) => `${runner} ${startedAt! / secondMs}`
  )
  assert.deepEqual(started, ['a 10', 'b 21', 'a 22', 'c 34'])
})

interface Compared {
  before: number
  after: number
  worse: number
  scenarios: number
}

test('whatever comes, the bound holds with more slots, and they save loads', async t => {
  const firstSeed = testSeed
  const waits: ClaimWait[] = []
  const compared = { before: 0, after: 0, worse: 0, scenarios: 0 }
  let jobs = 0
  let seed = firstSeed
  for (; jobs < leastJobs; seed++) jobs += await played(seed, () => compare(seed, waits, compared))
  const longest = waits.reduce((a, b) => (a.waited / a.bound > b.waited / b.bound ? a : b))
  t.diagnostic(`seeds ${firstSeed} to ${seed - 1}: ${jobs} jobs, ${waits.length} claims`)
  t.diagnostic(`longest wait ${longest.waited} ms where the bound is ${longest.bound} ms`)
  t.diagnostic(`${JSON.stringify(compared)}`)
  assert.ok(longest.waited > longest.bound / 2, 'the bound says something about what happens')
  assert.ok(compared.after < 0.8 * compared.before, 'slots save loads')
})

/** The scenario of a seed with one slot and with more. What fails at random fails otherwise then: not compared. */
async function compare(seed: number, waits: ClaimWait[], compared: Compared): Promise<number> {
  const slots = [2, 3, 4, mostRunners][seed % 4]!
  const more = await audited(seed, slots)
  waits.push(...more.waits)
  if (!more.sound) return more.jobs
  if (slots === mostRunners) assert.equal(more.loads, more.runners, 'what fits is loaded once')
  const one = await audited(seed, 1)
  if (!one.sound) return more.jobs
  compared.before += one.loads
  compared.after += more.loads
  compared.scenarios += 1
  if (more.loads > one.loads) compared.worse += 1
  return more.jobs
}

async function audited(seed: number, slots: number) {
  const { target, rules, longest, play } = scenario(seed, slots)
  using simulation = new Simulation(target, rules)
  const audit = new Audit(simulation, longest, target.keepsOld)
  play(simulation)
  await simulation.run()
  audit.finish()
  const { loads, records } = simulation
  const runners = new Set(loads.map(({ runner }) => runner)).size
  const sound = loads.every(load => load.loaded) && records.every(({ call }) => call.crashes !== true)
  return { waits: audit.waits, loads: loads.length, runners, jobs: records.length, sound }
}

for (const room of [1, 2, 3]) {
  test(`a target with room for ${room} where four slots are set: every job runs on a loaded runner`, async () => {
    const four = await scheduled(busy(), 4, { room })
    const fitting = await busyWith(room)
    // Every ten minutes all four are tried again, and the target chooses once who goes.
    assert.ok(four.loads <= 1.1 * fitting.loads, `${four.loads} instead of ${fitting.loads} loads`)
  })
}

test('crashes and failed loads on a target with too little room lose no job', async () => {
  const seeds = Array.from({ length: 12 }, (_, i) => 77 + i)
  for (const seed of seeds) {
    const { target, rules, play } = scenario(seed, 4)
    using simulation = new Simulation({ ...target, room: 2 }, rules)
    play(simulation)
    await simulation.run()
    assert.ok(
      simulation.stored().every(job => hasEnded(job.state)),
      `seed ${seed}`
    )
  }
})
