/** One round of chaos: random steps, then peace, then every promise is held against what came of it. */
import assert from 'node:assert/strict'
import type { Job } from '../../core/jobs/job.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import { assertWhole, reading } from '../strength/support/invariants.ts'
import { jobAt } from '../strength/support/process.ts'
import type { CallEnd } from '../strength/support/rig.ts'
import type { Random } from './random.ts'
import { steps } from './steps.ts'
import type { World } from './world.ts'

const stepsInRound = 24

/** Plays a round. @throws {AssertionError} where a promise was not kept */
export async function playRound(world: World, random: Random): Promise<void> {
  world.accepted = []
  world.canceled = new Set()
  world.calls = []
  for (let step = 0; step < stepsInRound; step++) await random.weighted(steps).play(world, random)
  await world.calm()
  await assertDurableKept(world)
  await assertCallersTold(world)
  await assertNothingLeft(world)
  await world.assertOneAtATime()
  assertWhole(world.dataDir)
}

/** Every acknowledged job is there and ends as it may; an acknowledged cancel holds. */
async function assertDurableKept({ url, accepted, canceled }: World): Promise<void> {
  for (const id of accepted) {
    const job = await jobAt(url, id)
    if (canceled.has(id)) assert.equal(job.state, 'canceled', id)
    else assertFairEnd(job)
  }
}

/** Not canceled, so it is done, or it failed for a reason that no further attempt was due for. */
function assertFairEnd(job: Job): void {
  if (job.state === 'done') return
  assert.equal(job.state, 'failed', job.id)
  const { error, attempt, maxAttempts } = job
  assert.notEqual(error?.code, 'internal', job.id)
  assert.ok(
    error?.retryable === false || attempt === maxAttempts,
    `${job.id} gave up: ${JSON.stringify(job)}`
  )
}

async function assertCallersTold({ calls, tally }: World): Promise<void> {
  const ends: CallEnd[] = await Promise.all(calls)
  for (const { broke, status, text } of ends) {
    if (!broke) assert.ok(status !== undefined && text !== '', `status ${status} without a word`)
    tally[broke ? 'broken' : 'answered'] += 1
  }
}

/** The jobs of callers have ended too, those of callers who left included. */
async function assertNothingLeft({ dataDir, url }: World): Promise<void> {
  const rows = reading(dataDir, db => db.prepare('SELECT id, state FROM job').all()) as Pick<
    Job,
    'id' | 'state'
  >[]
  for (const { id } of rows.filter(({ state }) => !hasEnded(state))) await jobAt(url, id)
}
