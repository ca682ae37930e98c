/** What all ways to follow a job have in common: they are visited until the job is over, however often they are cut. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Manner } from './cut-socket.ts'
import type { Pieced } from './pieced.ts'

const comeBackMs = 50
/** More than anybody needs who makes headway with each. */
const mostVisits = 400

/** One who reads something to its end, over any number of connections. */
export interface Visitor {
  /** Whether the transport has told that nothing comes any more. */
  readonly isOver: boolean
  /** Connects behind what it has, and reads until the connection is over. @returns bytes that came, 0 where none did */
  visit(manner?: Manner): Promise<number>
}

/** One who follows one job by one transport. */
export interface Reader extends Visitor {
  readonly pieced: Pieced
}

/**
 * Follows to the end: the first connections are cut where `cuts` say, all others go on as long as they may.
 * @returns the bytes of the last connection
 * @throws {Error} after 400 connections
 */
export async function followToEnd(reader: Visitor, cuts: readonly number[] = []): Promise<number> {
  for (let visit = 0; visit < mostVisits; visit++) {
    const bytes = await reader.visit({ cutAfter: cuts[visit] })
    if (reader.isOver) return bytes
    // Nobody was there: foreman is on its way back.
    if (bytes === 0 && cuts[visit] !== 0) await sleep(comeBackMs)
  }
  throw new Error(`it is not over after ${mostVisits} connections`)
}

/** Runs `play` for each of the list, `width` at a time. */
export async function atOnce<T>(
  list: readonly T[],
  width: number,
  play: (one: T) => Promise<void>
): Promise<void> {
  const left = list.values()
  const work = async () => {
    for (const one of left) await play(one)
  }
  await Promise.all(Array.from({ length: width }, work))
}
