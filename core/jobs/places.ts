/**
 * The places of events among those of all jobs. They grow in the order of the commits and are never given twice in one
 * run of foreman; those of a run that a restored store has forgotten are told apart by the name of the run, its epoch.
 */
import { randomBytes } from 'node:crypto'
import type { Database } from 'better-sqlite3'

const epochBytes = 6

/** A place as followers of all jobs know it. */
export interface Place {
  readonly epoch: string
  readonly n: number
}

/** Gives places out. */
export class Places {
  #last: number

  constructor(db: Database) {
    this.#last = lastPlace(db)
  }

  next(): number {
    this.#last += 1
    return this.#last
  }
}

/** The last place that was given, as far as the store knows; 0 before the first. */
export function lastPlace(db: Database): number {
  const last = `SELECT max(coalesce((SELECT max(n) FROM event WHERE n IS NOT NULL), 0),
    coalesce((SELECT max(n) FROM output), 0),
    coalesce((SELECT max(last_n) FROM tombstone WHERE last_n IS NOT NULL), 0),
    coalesce((SELECT max(first_n) - 1 FROM epoch), 0))`
  return db.prepare(last).pluck().get() as number
}

/** The runs of foreman on one store. Begun before anything is written in a run. */
export class Epochs {
  readonly #db: Database
  /** The name of this run. */
  readonly current = randomBytes(epochBytes).toString('hex')

  constructor(db: Database) {
    this.#db = db
    db.prepare('INSERT INTO epoch (id, first_n) VALUES (?, ?)').run(this.current, lastPlace(db) + 1)
  }

  /** Whether a follower can have got this place from this store. A run knows all places up to those of the next. */
  knows({ epoch, n }: Place): boolean {
    const next = '(SELECT first_n FROM epoch AS later WHERE later.seq > epoch.seq ORDER BY seq LIMIT 1)'
    const run = this.#db.prepare(`SELECT ${next} AS nextN FROM epoch WHERE id = ?`).get(epoch) as
      | { nextN: number | null }
      | undefined
    if (run === undefined) return false
    return n <= (run.nextN === null ? lastPlace(this.#db) : run.nextN - 1)
  }
}
