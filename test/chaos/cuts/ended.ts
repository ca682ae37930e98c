/** Cuts in the stream of a job that has ended: all of it is replay. */
import type { Random } from '../random.ts'
import type { Tally } from './figures.ts'
import { foldLater } from './folding.ts'
import { cutsOf } from './offsets.ts'
import { atOnce, followToEnd } from './reader.ts'
import { type Stage, type Transport, transports } from './stage.ts'
import { assertFollowed, truthOf } from './truth.ts'

const width = 16

/**
 * Cuts `most` of the byte offsets of each transport. @returns the id of the job
 * @throws {Error} with the cuts that cost something
 */
export async function playEnded(stage: Stage, most: number, random: Random, tally: Tally): Promise<string> {
  const id = await stage.submit('stumbler')
  const truth = await truthOf(stage.url, id)
  foldLater(stage.dataDir)
  for (const [name, follow] of Object.entries(transports)) {
    const whole = follow(stage.url, id)
    const total = await followToEnd(whole)
    assertFollowed(whole.pieced, truth)
    tally.measured(name as Transport, total)
    await atOnce(cutsOf(total, most, random), width, cuts =>
      tally.cut(`ended, ${name}`, cuts, async () => {
        const reader = follow(stage.url, id)
        await followToEnd(reader, cuts)
        assertFollowed(reader.pieced, truth)
      })
    )
  }
  return id
}
