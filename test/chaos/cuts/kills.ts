/** foreman is killed or stopped in the middle of a text and started again where it was, while followers hold on to the job. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../random.ts'
import type { Tally } from './figures.ts'
import { followToEnd } from './reader.ts'
import { type Stage, transportNames, transports } from './stage.ts'
import { assertFollowed, type Truth, truthOf } from './truth.ts'

const followersEach = 3
const [shortestLifeMs, longestLifeMs] = [350, 1200]
/** What one job meets; it has five attempts. */
const signals = ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const

/** Ends foreman `kills` times in all, two of three times by `kill -9`. @throws {Error} where a follower lost something */
export async function playKilled(stage: Stage, kills: number, random: Random, tally: Tally): Promise<void> {
  for (let left = kills; left > 0; left -= signals.length) {
    const id = await stage.submit('talker')
    const truth = Promise.withResolvers<Truth>()
    const followed = follow(stage, id, random, tally, truth.promise)
    for (let kill = 0; kill < Math.min(left, signals.length); kill++) {
      await sleep(random.between(shortestLifeMs, longestLifeMs))
      await stage.restartForeman(signals[kill]!)
      tally.kills += 1
    }
    truthOf(stage.url, id).then(truth.resolve, truth.reject)
    await followed
    const { events } = await truth.promise
    tally.begunAnew += events.filter(({ type }) => type === 'job.output_reset').length
  }
}

async function follow(
  stage: Stage,
  id: string,
  random: Random,
  tally: Tally,
  truth: Promise<Truth>
): Promise<void> {
  const plans = transportNames.flatMap(transport =>
    Array.from({ length: followersEach }, () => {
      const total = tally.bytesOf(transport)
      return { transport, cuts: [random.between(0, total), random.between(0, total)] }
    })
  )
  await Promise.all(
    plans.map(({ transport, cuts }) =>
      tally.cut(`killed, ${transport}`, cuts, async () => {
        const reader = transports[transport](stage.url, id)
        await followToEnd(reader, cuts)
        assertFollowed(reader.pieced, await truth)
      })
    )
  )
}
