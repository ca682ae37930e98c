/** Fixed situations on the simulated clock. The figures are those of the schedule, with a little room. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Outcome, quantile, runSchedule } from './outcome.ts'
import { plainPolicies, runPlain } from './plain-policies.ts'
import { type Call, defaultRules, Simulation } from './simulation.ts'
import type { Workload } from './workloads.ts'
import {
  exponential,
  personBesideBatch,
  seeded,
  threeAgents,
  toMs,
  twoAgents,
  twoPeople
} from './workloads.ts'

const secondMs = 1000
const tenSeconds = { loadMs: () => 10 * secondMs }

async function scheduled(workload: Workload): Promise<Outcome> {
  using simulation = new Simulation({ loadMs: runner => toMs(workload.load(runner)) })
  return await runSchedule(workload, simulation)
}

/** Waits of the calls that were started, in ascending order. */
function waitsOf(simulation: Simulation, runner: string): number[] {
  const waits = simulation.records.flatMap(({ call, arrivedAt, startedAt }) =>
    call.runner === runner && startedAt !== undefined ? [startedAt - arrivedAt] : []
  )
  return waits.sort((a, b) => a - b)
}

function loadsOf(simulation: Simulation, runner: string): number {
  return simulation.loads.filter(load => load.runner === runner).length
}

function loadingPart(simulation: Simulation): number {
  return simulation.loads.reduce((sum, load) => sum + load.ms, 0) / simulation.agenda.now
}

test('when everything is overdue at once, every runner has its turn before any has its second', async () => {
  const patienceMs = { interactive: 0, normal: 0, batch: 0 }
  using simulation = new Simulation(tenSeconds, { ...defaultRules(), patienceMs })
  for (let i = 0; i < 800; i++) {
    simulation.call(i % 8, { runner: 'abcdefgh'[i % 8]!, priority: 'normal', workMs: secondMs })
  }
  await simulation.run()
  assert.equal(simulation.loads.map(load => load.runner).join(''), 'abcdefghabcdefgh')
  // A load of 10 s every 100 s: the tenth that loading may take.
  assert.deepEqual(new Set(simulation.loads.slice(0, 8).map(load => load.startedAt % 100_000)), new Set([0]))
})

test('agents who call again at once get two and a half times what plain drain gives them', async () => {
  for (const workload of [twoAgents(), threeAgents()]) {
    const plain = runPlain(workload, plainPolicies['plain drain'])
    const { totalMs } = await scheduled(workload)
    assert.ok(plain.totalMs > 2.5 * totalMs, `${plain.totalMs} ms and ${totalMs} ms`)
  }
})

test('agents of the interactive class wait a minute at most, one time in twenty', async () => {
  const { loads, waitsMs } = await scheduled(twoAgents())
  assert.ok(loads <= 22, `${loads} loads`)
  assert.equal(quantile(waitsMs.interactive, 0.5), 0)
  assert.ok(quantile(waitsMs.interactive, 1) < 62 * secondMs)
})

test('a flow that alone fills the worker does not starve a visitor', async () => {
  using simulation = new Simulation(tenSeconds)
  for (let i = 0; i < 4000; i++)
    simulation.call(i * secondMs, { runner: 'a', priority: 'normal', workMs: 1100 })
  for (let i = 0; i < 12; i++) {
    simulation.call(i * 300 * secondMs, { runner: 'b', priority: 'normal', workMs: 2 * secondMs })
  }
  await simulation.run(() => simulation.agenda.now >= 4000 * secondMs)
  const waits = waitsOf(simulation, 'b')
  assert.equal(waits.length, 12)
  assert.ok(waits.at(-1)! < (600 + 1.1 + 10) * secondMs, `patience, one job and one load: ${waits.at(-1)}`)
  assert.ok(simulation.loads.length <= 9, `visitors who come while one waits share a turn`)
})

test('a slow runner beside quick ones has its turn when its patience is over', async () => {
  using simulation = new Simulation({ loadMs: runner => (runner === 'slow' ? 100 : 1) * secondMs })
  const quick = (i: number): Call => ({ runner: 'abc'[i % 3]!, priority: 'normal', workMs: 5 * secondMs })
  for (let i = 0; i < 900; i++) simulation.call(i, quick(i))
  for (let i = 0; i < 300; i++) simulation.call(i, { ...quick(i), runner: 'slow' })
  await simulation.run(() => simulation.agenda.now >= 5000 * secondMs)
  const [first, second] = simulation.loads.filter(load => load.runner === 'slow')
  // Ten seconds are expected of the first load, so 90 s of a turn are enough; afterwards it takes 900 s.
  assert.ok(first!.startedAt <= 610 * secondMs, `${first!.startedAt}`)
  assert.ok(second!.startedAt - first!.startedAt > 1900 * secondMs, `${second!.startedAt}`)
  assert.ok(second!.startedAt - first!.startedAt < 2100 * secondMs, `${second!.startedAt}`)
  assert.ok(loadingPart(simulation) <= 0.105, `${loadingPart(simulation)}`)
})

test('a person beside a thousand batch jobs waits six loads at most, one time in twenty', async () => {
  const { waitsMs, loadingMs, totalMs } = await scheduled(personBesideBatch())
  assert.ok(quantile(waitsMs.interactive, 0.95) < 60 * secondMs)
  assert.ok(loadingMs < 0.2 * totalMs)
  const plain = runPlain(personBesideBatch(), plainPolicies['plain drain'])
  assert.ok(totalMs < 1.25 * plain.totalMs, 'batch pays for it with a quarter of its time')
})

test('a person on a cheap runner beside batch on a dear one waits as long as the dear load is worth', async () => {
  const random = seeded(5)
  using simulation = new Simulation({ loadMs: runner => (runner === 'dear' ? 60 : 3) * secondMs })
  for (let i = 0; i < 3000; i++) {
    simulation.call(0, { runner: 'dear', priority: 'batch', workMs: 5 * secondMs })
  }
  for (let at = 100; at < 7200; at += exponential(random, 60)) {
    simulation.call(toMs(at), { runner: 'cheap', priority: 'interactive', workMs: 2 * secondMs })
  }
  await simulation.run(() => simulation.agenda.now >= 7200 * secondMs)
  // 240 s of the dear turn and what the way back costs, which the cheap runner causes as well.
  assert.ok(waitsOf(simulation, 'cheap').at(-1)! < (240 + 60 + 5 + 3) * secondMs)
  assert.ok(loadingPart(simulation) < 0.21)
})

test('two people on a model each cost a load a question, whatever the order', async () => {
  const { loads, waitsMs } = await scheduled(twoPeople())
  assert.equal(loads, 120)
  assert.ok(quantile(waitsMs.interactive, 0.95) <= 10 * secondMs)
  assert.ok(quantile(waitsMs.interactive, 1) <= 20 * secondMs)
})

for (const keepsOld of [true, false]) {
  const old = keepsOld ? 'that leaves the old runner loaded' : 'that leaves nothing loaded'
  test(`a load that always fails, ${old}, costs the others little and ends its own jobs`, async () => {
    const facts = { ...tenSeconds, loadFails: (runner: string) => runner === 'broken', keepsOld }
    using simulation = new Simulation(facts)
    const call: Call = { runner: 'broken', priority: 'interactive', workMs: secondMs }
    for (let i = 0; i < 400; i++) {
      simulation.call(2 * i * secondMs, { runner: 'ab'[i % 2]!, priority: 'normal', workMs: secondMs })
    }
    for (let i = 0; i < 10; i++) simulation.call(20 * i * secondMs, { ...call, attached: i % 2 === 0 })
    await simulation.run()
    const broken = simulation.records.filter(record => record.call.runner === 'broken')
    assert.ok(broken.every(({ job }) => job.state === 'failed' && job.error?.code === 'load_failed'))
    assert.ok(broken.every(({ job }) => (job.attached ? job.attempt <= 1 : job.attempt === job.maxAttempts)))
    assert.equal(
      loadsOf(simulation, 'broken'),
      broken.reduce((sum, { job }) => sum + job.attempt, 0)
    )
    const others = [...waitsOf(simulation, 'a'), ...waitsOf(simulation, 'b')]
    assert.equal(others.length, 400)
    assert.ok(Math.max(...others) < 65 * secondMs, `${Math.max(...others)}`)
  })
}
