/** Cuts in the streams of jobs that run: replay and live text meet wherever a follower comes back. */
import type { Random } from '../random.ts'
import type { Tally } from './figures.ts'
import { type Cuts, cutsOf, shuffledGroups } from './offsets.ts'
import { followToEnd } from './reader.ts'
import { type Stage, type Transport, transportNames, transports } from './stage.ts'
import { assertFollowed, truthOf } from './truth.ts'

/** Followers of one job. */
const most = 400

interface Plan {
  readonly transport: Transport
  readonly cuts: Cuts
}

/**
 * Cuts `offsets` of the byte offsets of each transport, of jobs that run through and of jobs that begin a second time in
 * the middle of their text.
 * @throws {Error} with the cuts that cost something
 */
export async function playRunning(
  stage: Stage,
  offsets: number,
  random: Random,
  tally: Tally
): Promise<void> {
  const plans = transportNames.flatMap(transport =>
    cutsOf(tally.bytesOf(transport), offsets, random).map(cuts => ({ transport, cuts }))
  )
  for (const model of ['talker', 'stumbler'] as const) {
    for (const group of shuffledGroups(plans, most, random)) await playJob(stage, model, group, tally)
  }
}

async function playJob(
  stage: Stage,
  model: 'talker' | 'stumbler',
  plans: readonly Plan[],
  tally: Tally
): Promise<void> {
  const id = await stage.submit(model)
  const truth = truthOf(stage.url, id)
  // Those who wait for it tell.
  truth.catch(() => {})
  await Promise.all(
    plans.map(({ transport, cuts }) =>
      tally.cut(`${model}, ${transport}`, cuts, async () => {
        const reader = transports[transport](stage.url, id)
        await followToEnd(reader, cuts)
        assertFollowed(reader.pieced, await truth)
      })
    )
  )
}
