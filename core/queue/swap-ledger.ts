/** Every swap that was tried, in the store: what loading costs, and from which load times are learned again. */
import type { Database, Statement } from 'better-sqlite3'
import type { LoadTimes } from './load-times.ts'

/** One swap. Times in ms. */
export interface Swap {
  readonly runner: string
  /** Runner that had to go; null where the slot was empty. */
  readonly evicted: string | null
  /** ms since 1970. */
  readonly startedAt: number
  readonly durationMs: number
  /** False where the target could not load it. */
  readonly loaded: boolean
}

/** Writes swaps, and teaches what it remembers. */
export class SwapLedger {
  readonly #db: Database
  readonly #insert: Statement

  constructor(db: Database) {
    this.#db = db
    this.#insert = db.prepare(
      'INSERT INTO swap (runner, evicted, started_at, duration_ms, loaded) VALUES (?, ?, ?, ?, ?)'
    )
  }

  record(swap: Swap): void {
    this.#insert.run(swap.runner, swap.evicted, swap.startedAt, swap.durationMs, swap.loaded ? 1 : 0)
  }

  /** Teaches `loadTimes` the newest swaps of every runner, oldest first. */
  teach(loadTimes: LoadTimes, newest = 1000): void {
    const rows = this.#db
      .prepare(
        `SELECT runner, ms FROM (SELECT seq, runner, duration_ms AS ms FROM swap WHERE loaded = 1
         ORDER BY seq DESC LIMIT ?) ORDER BY seq`
      )
      .all(newest) as { runner: string; ms: number }[]
    for (const { runner, ms } of rows) loadTimes.record(runner, ms)
  }
}
