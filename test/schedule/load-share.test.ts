/** What loading costs while every runner has work waiting: `queue.load_share` is a promise about that. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Priority, priorities } from '../../core/jobs/priority.ts'
import { defaultRules, Simulation } from './simulation.ts'
import { seeded } from './workloads.ts'

const secondMs = 1000

/** A runner with endless work of one class. */
interface Standing {
  readonly loadMs: number
  readonly priority: Priority
}

/** Part of the time that loading takes, from the first load to the end of the last turn. */
async function loadingPart(standing: readonly Standing[], workMs: number, turns: number): Promise<number> {
  const rules = { ...defaultRules(), patienceMs: { interactive: 0, normal: 0, batch: 0 } }
  using simulation = new Simulation({ loadMs: runner => standing[Number(runner)]!.loadMs }, rules)
  const again = (runner: string, priority: Priority) => {
    simulation.call(simulation.agenda.now, { runner, priority, workMs }, () => again(runner, priority))
  }
  // Two of each: while one runs, the other waits.
  for (const [runner, { priority }] of [...standing.entries(), ...standing.entries()])
    again(String(runner), priority)
  await simulation.run(() => simulation.loads.length > turns)
  const last = simulation.loads.pop()!
  const loadingMs = simulation.loads.reduce((sum, load) => sum + load.ms, 0)
  return loadingMs / last.startedAt
}

function shareOf(standing: readonly Standing[]): number {
  const { loadShare } = defaultRules().rules
  return Math.max(...standing.map(({ priority }) => loadShare[priority]))
}

function draw(random: () => number, loadMs: () => number): Standing[] {
  const runners = 2 + Math.floor(random() * 7)
  return Array.from({ length: runners }, () => ({
    loadMs: loadMs(),
    priority: priorities[Math.floor(random() * priorities.length)]!
  }))
}

test('where all loads take the same, loading takes the share of the most urgent class and no more', async () => {
  const random = seeded(1)
  for (let i = 0; i < 6; i++) {
    const standing = draw(random, () => 10 * secondMs)
    const part = await loadingPart(standing, 2 * secondMs, 30)
    assert.ok(part <= shareOf(standing), `${part} of ${JSON.stringify(standing)}`)
  }
})

test('where all runners are alike, loading takes the share exactly', async () => {
  const alike = Array.from({ length: 3 }, () => ({ loadMs: 10 * secondMs, priority: 'normal' }) as const)
  assert.equal(await loadingPart(alike, secondMs, 30), 0.1)
})

test('where loads differ, a clock that was kept may cost half as much again, but no more', async () => {
  const random = seeded(2)
  for (let i = 0; i < 6; i++) {
    const dearest = 5 + 45 * random()
    const standing = draw(random, () => Math.round(secondMs * dearest ** random()))
    const part = await loadingPart(standing, 2 * secondMs, 30)
    assert.ok(part <= 1.5 * shareOf(standing), `${part} of ${JSON.stringify(standing)}`)
  }
})

test('the worst case that a search found: loads that differ by a little', async () => {
  const standing = [15.23, 15.24, 15.85, 17.55].map(
    s => ({ loadMs: s * secondMs, priority: 'normal' }) as const
  )
  const part = await loadingPart(standing, secondMs, 60)
  assert.ok(part > 0.14 && part < 0.155, `${part}`)
})
