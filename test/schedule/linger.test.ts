/** Lingering: the moment in which the worker waits for the callers of a runner before it swaps. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Simulation } from './simulation.ts'

const secondMs = 1000
/** A tenth of a load. */
const lingerMs = secondMs
const work = { priority: 'normal', workMs: 2 * secondMs } as const
/** When the load and the first job of `a` are over, and the worker begins to linger. */
const freeAt = 12 * secondMs

/** The worker has run a job of `a`, nothing more waits there, and `b` waits. */
function lingering(patientForMs?: number): Simulation {
  const simulation = new Simulation({ loadMs: () => 10 * secondMs })
  simulation.call(0, { ...work, runner: 'a' })
  simulation.call(1, { ...work, runner: 'b', patientForMs })
  return simulation
}

function story(simulation: Simulation): string[] {
  return simulation.loads.map(({ runner, startedAt }) => `${runner} ${startedAt}`)
}

test('the worker waits a tenth of the load before it swaps', async () => {
  using simulation = lingering()
  await simulation.run()
  assert.deepEqual(story(simulation), ['a 0', `b ${freeAt + lingerMs}`])
})

test('a call at the very instant at which the linger ends counts first', async () => {
  using simulation = lingering()
  simulation.call(freeAt + lingerMs, { ...work, runner: 'a' })
  await simulation.run()
  const [, , third] = simulation.records
  assert.equal(third?.startedAt, freeAt + lingerMs)
  // A caller came back after a second, so the worker lingers again as long.
  assert.deepEqual(story(simulation), ['a 0', `b ${freeAt + 2 * lingerMs + work.workMs}`])
})

test('a call just after the linger finds the worker gone', async () => {
  using simulation = lingering()
  simulation.call(freeAt + lingerMs + 1, { ...work, runner: 'a' })
  await simulation.run()
  assert.deepEqual(
    simulation.loads.map(({ runner }) => runner),
    ['a', 'b', 'a']
  )
})

test('when the caller who is waited past leaves, there is no swap', async () => {
  using simulation = lingering(freeAt + lingerMs / 2)
  simulation.call(freeAt + 5 * lingerMs, { ...work, runner: 'a' })
  await simulation.run()
  assert.deepEqual(story(simulation), ['a 0'])
  assert.deepEqual(
    simulation.records.map(({ job }) => job.state),
    ['done', 'canceled', 'done']
  )
})

test('of those who wait, one leaves: the worker lingers for the next one in its stead', async () => {
  using simulation = lingering(freeAt + lingerMs / 2)
  simulation.call(2, { ...work, runner: 'c' })
  await simulation.run()
  assert.deepEqual(story(simulation), ['a 0', `c ${freeAt + lingerMs}`])
})

test('a claim that is ripe ends the linger', async () => {
  using simulation = new Simulation({ loadMs: () => 10 * secondMs })
  for (let i = 0; i < 20; i++) simulation.call(0, { ...work, runner: 'a' })
  // Due half a linger after the last job of `a`, which leaves at the very moment of its claim.
  simulation.call(35 * secondMs + lingerMs / 2, { ...work, runner: 'b', priority: 'interactive' })
  await simulation.run()
  assert.deepEqual(story(simulation), ['a 0', `b ${50 * secondMs + lingerMs / 2}`])
})
