import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoadTimes } from '../../../core/queue/load-times.ts'
import { foresee, type Line, type Scene } from '../../../core/queue/outlook.ts'
import { ReturnGaps } from '../../../core/queue/return-gaps.ts'
import { Schedule } from '../../../core/queue/schedule.ts'

const rules = { loadShare: { interactive: 0.2, normal: 0.1, batch: 0.1 }, linger: 0.1, slots: 1 }
const loadMs = 10_000
const runMs = 1000

/** Nothing resident, loads of ten seconds, runs of one. */
function sceneOf(lines: readonly Line[], part: Partial<Scene> = {}): Scene {
  const loadTimes = new LoadTimes()
  for (const { runner } of [...lines, { runner: 'own' }]) loadTimes.record(runner, loadMs)
  return {
    ...{ now: 0, schedule: new Schedule(rules, loadTimes, new ReturnGaps()), lines, activity: undefined },
    loadMs: runner => loadTimes.of(runner),
    runTime: () => ({ meanMs: runMs, deviationMs: 100 }),
    ...part
  }
}

const later = { priority: 'normal', dueAt: 600_000 } as const
const own = { runner: 'own', ...later }

test('an empty queue costs the load', () => {
  const { position, waitMs, deviationMs } = foresee(sceneOf([]), own, 0)
  assert.deepEqual([position, waitMs, deviationMs], [0, loadMs, 1000])
})

test('what is uncertain grows with the jobs before it', () => {
  const { position, waitMs, deviationMs } = foresee(sceneOf([{ ...own, jobs: 101 }]), own, 100)
  assert.deepEqual([position, waitMs], [100, loadMs + 100 * runMs])
  assert.equal(Math.round(deviationMs), Math.round(Math.hypot(1000, 10 * 100)))
})

test('a load that is going on, and the job it is for, come first', () => {
  const activity = { jobSeq: 1, runner: 'x', model: 'x', phase: 'loading' as const, since: -4000 }
  const { position, waitMs } = foresee(sceneOf([], { activity }), { ...own, runner: 'x' }, 0)
  assert.deepEqual([position, waitMs], [1, 6000 + runMs])
})

test('a run that takes longer than its mean is still expected to need a part of it', () => {
  const activity = { jobSeq: 1, runner: 'own', model: 'x', phase: 'working' as const, since: -60_000 }
  const scene = sceneOf([], { activity })
  scene.schedule.begin('own', -60_000)
  assert.equal(foresee(scene, own, 0).waitMs, 100)
})

test('thinking ahead changes nothing of the schedule', () => {
  const scene = sceneOf([{ runner: 'x', ...later, jobs: 5 }])
  scene.schedule.begin('x', 0)
  foresee(scene, own, 0)
  assert.equal(scene.schedule.resident, 'x')
  assert.deepEqual(foresee(scene, own, 0), foresee(scene, own, 0))
})

test('a million jobs are foreseen turn by turn, and what lies behind the last turn is estimated', () => {
  const runners = ['own', 'x', 'y', 'z']
  const lines = runners.map(runner => ({ runner, priority: 'normal' as const, dueAt: 0, jobs: 250_000 }))
  const scene = sceneOf(lines)
  let asked = 0
  const runTime = (runner: string) => {
    asked += 1
    return scene.runTime(runner)
  }
  const { position, waitMs } = foresee({ ...scene, runTime }, { ...own, dueAt: 0 }, 249_999)
  // Once a turn, and once for what lies behind.
  assert.equal(asked, 32 + 1)
  // All four have had their parts when it comes to it, or three of them all but their last.
  assert.ok(position >= 249_999)
  assert.ok(waitMs > 4 * 240_000 * runMs && waitMs < 4 * 300_000 * runMs, `${waitMs}`)
})
