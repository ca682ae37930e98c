/** Plays rounds of chaos from a seed. */
import type { Scope } from '../helpers/foreman.ts'
import { reading } from '../strength/support/invariants.ts'
import { Random } from './random.ts'
import { playRound } from './round.ts'
import { type Tally, World } from './world.ts'

/** What a run was made of. */
export interface Figures extends Tally {
  /** Jobs by the state they ended in. */
  readonly jobs: Readonly<Record<string, number>>
  /** Attempts beyond the first, over all jobs. */
  readonly retries: number
}

/**
 * Plays `rounds` rounds. `told` hears of each that went well.
 * @throws {AssertionError} in the first round in which a promise was not kept
 */
export async function play(
  scope: Scope,
  { rounds, seed }: { rounds: number; seed: number },
  told: (round: number) => void = () => {}
): Promise<Figures> {
  const world = await World.start(scope)
  for (let round = 1; round <= rounds; round++) {
    // A seed of its own, so that a round can be looked at alone.
    await playRound(world, new Random(seed + round))
    told(round)
  }
  await world.endForeman('SIGTERM')
  return { ...world.tally, ...storeFigures(world.dataDir) }
}

function storeFigures(dataDir: string): Pick<Figures, 'jobs' | 'retries'> {
  return reading(dataDir, db => {
    const rows = db.prepare('SELECT state, count(*) FROM job GROUP BY state').raw().all()
    const retries = db.prepare('SELECT sum(max(attempt - 1, 0)) FROM job').pluck().get() as number
    return { jobs: Object.fromEntries(rows as [string, number][]), retries }
  })
}
