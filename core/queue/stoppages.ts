/**
 * The times in which nothing was started, and why: the operator paused, the target was away, foreman did not run.
 * Recorded as they happen, since nothing else tells a waiting job later what it waited for.
 */
import type { Database, Statement } from 'better-sqlite3'

/** Why nothing was started. Several may hold at once. */
export type StoppageCause = 'paused' | 'target_down' | 'foreman_down'

/** One such time, ms since 1970; `endedAt` is null while it lasts. */
export interface Stoppage {
  readonly cause: StoppageCause
  readonly beganAt: number
  readonly endedAt: number | null
}

/** The record of them, and the sign of life by which a start knows when the last process died. */
export class Stoppages {
  readonly #db: Database
  readonly #begin: Statement
  readonly #end: Statement
  readonly #live: Statement

  constructor(db: Database) {
    this.#db = db
    this.#begin = db.prepare('INSERT INTO stoppage (cause, began_at) VALUES (?, ?)')
    this.#end = db.prepare(
      'UPDATE stoppage SET ended_at = max(began_at, ?) WHERE ended_at IS NULL AND cause = ?'
    )
    this.#live = db.prepare('UPDATE chronicle SET alive_at = ?')
  }

  /** From when on anything is recorded, ms since 1970. */
  get since(): number {
    return this.#db.prepare('SELECT since FROM chronicle').pluck().get() as number
  }

  /** Nothing is started from `at` on. Without effect while the same cause holds already. */
  begin(cause: StoppageCause, at: number): void {
    if (!this.#isOpen(cause)) this.#begin.run(cause, at)
  }

  /** That cause holds no longer. */
  end(cause: StoppageCause, at: number): void {
    this.#end.run(at, cause)
  }

  /** foreman is alive at `now`. */
  live(now: number): void {
    this.#live.run(now)
  }

  /** All that had a part in the time between, the earliest first. */
  between(from: number, to: number): Stoppage[] {
    return this.#db
      .prepare(
        `SELECT cause, began_at AS beganAt, ended_at AS endedAt FROM stoppage
         WHERE began_at < ? AND (ended_at IS NULL OR ended_at > ?) ORDER BY began_at`
      )
      .all(to, from) as Stoppage[]
  }

  /**
   * foreman starts, at `now`: what lasted when the last process died ended then, and nothing ran until now.
   * @returns when that one died, as far as is known: not after `now`
   */
  recover(now: number): number {
    const diedAt = Math.min(now, this.#lastSign())
    // Nothing from before the first start is recorded.
    if (this.since < diedAt && diedAt < now) this.begin('foreman_down', diedAt)
    this.end('foreman_down', now)
    for (const cause of ['paused', 'target_down'] as const) this.end(cause, diedAt)
    this.live(now)
    return diedAt
  }

  // What came in, started or ended after the last sign of life was seen by a process that lived.
  #lastSign(): number {
    return this.#db
      .prepare(
        `SELECT max(alive_at, ifnull((SELECT created_at FROM job ORDER BY seq DESC LIMIT 1), 0),
         ifnull((SELECT max(started_at) FROM job WHERE state IN ('loading', 'working', 'canceling')), 0),
         ifnull((SELECT max(ended_at) FROM run), 0)) FROM chronicle`
      )
      .pluck()
      .get() as number
  }

  #isOpen(cause: StoppageCause): boolean {
    const open = 'SELECT 1 FROM stoppage WHERE ended_at IS NULL AND cause = ?'
    return this.#db.prepare(open).get(cause) !== undefined
  }
}
