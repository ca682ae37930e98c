/** What can happen in a round, and how often it does beside the others. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultSpec } from '../fake-ollama/start.ts'
import type { Wish } from '../strength/support/jobs.ts'
import { cancelAt, submitTo } from '../strength/support/process.ts'
import { chat } from '../strength/support/rig.ts'
import type { Random } from './random.ts'
import { models, type World } from './world.ts'

/** One kind of step. */
export interface Step {
  readonly weight: number
  readonly play: (world: World, random: Random) => Promise<void>
}

const mostTokens = 40
const longestPauseMs = 60
const priorities = ['interactive', 'normal', 'batch'] as const

const faults: readonly FaultSpec[] = [
  { kind: 'accept_close' },
  { kind: 'reset', after: 2 },
  { kind: 'error_line', after: 2 },
  { kind: 'clean_end', after: 2 },
  { kind: 'runner_crash', after: 2 },
  { kind: 'oom', after: 1 },
  { kind: 'html' },
  { kind: 'empty' },
  { kind: 'queue_full' },
  { kind: 'nested_error' }
]

/** All of them. */
export const steps: readonly Step[] = [
  { weight: 8, play: submitSome },
  { weight: 8, play: callAttached },
  { weight: 3, play: cancelOne },
  { weight: 6, play: (_world, random) => sleep(random.between(0, longestPauseMs)) },
  { weight: 2, play: world => world.replaceForeman('SIGKILL') },
  { weight: 1, play: world => world.replaceForeman('SIGTERM') },
  { weight: 2, play: world => world.switchTarget() },
  { weight: 2, play: faultRuns },
  { weight: 1, play: faultLoads },
  { weight: 1, play: crashRunner }
]

async function submitSome(world: World, random: Random): Promise<void> {
  const wishes = Array.from({ length: random.between(1, 3) }, (): Wish => {
    const body = { options: { num_predict: random.between(1, mostTokens) } }
    return {
      model: random.pick(models),
      priority: random.pick(priorities),
      maxAttempts: random.between(2, 8),
      body
    }
  })
  const ids = await submitTo(world.url, ...wishes)
  world.accepted.push(...ids)
  world.tally.accepted += ids.length
}

/** A caller of every kind: streaming or not, patient or soon gone. */
async function callAttached(world: World, random: Random): Promise<void> {
  const body = {
    model: random.pick(models),
    stream: random.pick([true, false]),
    options: { num_predict: random.between(1, mostTokens) }
  }
  const leavesAfterMs = random.between(0, 3 * longestPauseMs)
  const leaves = random.between(1, 4) === 1
  const signal = leaves ? AbortSignal.timeout(leavesAfterMs) : undefined
  world.calls.push(chat(world.url, body, { signal }))
  world.tally.calls += 1
}

async function cancelOne(world: World, random: Random): Promise<void> {
  if (world.accepted.length === 0) return
  const id = random.pick(world.accepted)
  const { state } = await cancelAt(world.url, id)
  if (state === 'canceling' || state === 'canceled') world.canceled.add(id)
  world.tally.cancels += 1
}

/** Strikes one to three of the runs to come. */
async function faultRuns(world: World, random: Random): Promise<void> {
  await strike(world, { ...random.pick(faults), times: random.between(1, 3), path: '/api/chat' })
}

async function faultLoads(world: World, random: Random): Promise<void> {
  const model = `${random.pick(models)}:latest`
  await strike(world, { kind: 'load_failure', times: random.between(1, 2), model, path: '/api/generate' })
}

async function strike(world: World, fault: FaultSpec): Promise<void> {
  if (!world.targetIsUp) return
  await world.fake.configure({ faults: [fault] })
  world.tally.faults += 1
}

async function crashRunner(world: World, random: Random): Promise<void> {
  if (!world.targetIsUp) return
  const { resident } = await world.fake.state()
  if (resident.length === 0) return
  // It may have been unloaded since.
  await world.fake.crash(random.pick(resident).model).catch(() => {})
  world.tally.faults += 1
}
