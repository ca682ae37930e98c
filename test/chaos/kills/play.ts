/** Plays kills over HTTP from a seed. */
import type { Scope } from '../../helpers/foreman.ts'
import { Random } from '../random.ts'
import { KillFigures } from './figures.ts'
import { Life } from './life.ts'

/** Kills on one data directory, so that it does not grow with the length of a run. */
const killsInLife = 50

/**
 * Kills foreman `kills` times. `told` hears of each.
 * @throws {AssertionError} with the first promise that was not kept
 */
export async function playKills(
  scope: Scope,
  { kills, seed }: { kills: number; seed: number },
  told: (kill: number) => void = () => {}
): Promise<KillFigures> {
  const figures = new KillFigures()
  for (let done = 0; done < kills; done += killsInLife) {
    const life = await Life.begin(scope)
    // A seed of its own, so that a life can be looked at alone.
    const random = new Random(seed + done)
    await life.play(Math.min(killsInLife, kills - done), random, kill => told(figures.add(kill)))
    await life.fake.kill()
  }
  return figures
}
