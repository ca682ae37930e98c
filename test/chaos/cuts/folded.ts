/** Cuts before the pieces of a text are folded up; the followers come back after that. */
import type { Random } from '../random.ts'
import type { Tally } from './figures.ts'
import { foldNow } from './folding.ts'
import { cutsOf } from './offsets.ts'
import { Pieced } from './pieced.ts'
import { atOnce, followToEnd } from './reader.ts'
import { type Stage, transportNames, transports } from './stage.ts'
import { assertFollowedOverFold, truthOf } from './truth.ts'

const width = 16

/**
 * Cuts `most` of the byte offsets of each transport that follows the job with the `id`, which has ended.
 * @throws {Error} with the cuts that cost something
 */
export async function playFolded(
  stage: Stage,
  id: string,
  most: number,
  random: Random,
  tally: Tally
): Promise<void> {
  const plans = transportNames.flatMap(transport =>
    cutsOf(tally.bytesOf(transport), most, random).map(cuts => {
      const reader = transports[transport](stage.url, id, new Pieced(true))
      return { transport, cuts, reader }
    })
  )
  await atOnce(plans, width, async ({ cuts: [first], reader }) => {
    await reader.visit({ cutAfter: first })
  })
  await foldNow(stage.dataDir)
  const truth = await truthOf(stage.url, id)
  await atOnce(plans, width, ({ transport, cuts, reader }) =>
    tally.cut(`folded, ${transport}`, cuts, async () => {
      if (!reader.isOver) await followToEnd(reader, cuts.slice(1))
      assertFollowedOverFold(reader.pieced, truth)
      tally.gaps += reader.pieced.gaps
    })
  )
}
