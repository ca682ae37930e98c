/** Plays cuts from a seed: in streams of jobs that have ended, that run, that foreman's death interrupts, that were folded up. */
import type { Scope } from '../../helpers/foreman.ts'
import { Random } from '../random.ts'
import { playEnded } from './ended.ts'
import { Tally } from './figures.ts'
import { playFolded } from './folded.ts'
import { playKept } from './kept.ts'
import { playKilled } from './kills.ts'
import { playPosted } from './posted.ts'
import { playRunning } from './running.ts'
import { Stage } from './stage.ts'
import { assertAllLeft } from './truth.ts'

/** How much of it. */
export interface CutsOptions {
  readonly seed: number
  /** Byte offsets at which each stream is cut, at most; Infinity for all of them. */
  readonly offsets: number
  /** Ends of foreman under its followers, most of them kills. */
  readonly kills: number
}

/**
 * Plays all of them. `told` hears when one is over.
 * @throws {Error} with the first cut that cost a follower anything; where foreman holds on to a connection that is cut
 */
export async function playCuts(
  scope: Scope,
  { seed, offsets, kills }: CutsOptions,
  told: (what: string) => void = () => {}
): Promise<Tally> {
  const stage = await Stage.start(scope)
  const [random, tally] = [new Random(seed), new Tally()]
  const ended = await playEnded(stage, offsets, random, tally)
  told('replay held')
  await playFolded(stage, ended, offsets, random, tally)
  told('folded text held')
  await playRunning(stage, offsets, random, tally)
  told('running jobs held')
  await playPosted(stage, offsets, random, tally)
  told('jobs that are handed in held')
  await playKept(stage, offsets, random, tally)
  told('kept answers held')
  await assertAllLeft(stage.url)
  await playKilled(stage, kills, random, tally)
  await assertAllLeft(stage.url)
  told('kills held')
  return tally
}
