/**
 * Plain arrival order, as far as loads go: each job whose runner differs from that of the job that came before it
 * would cost one load. Counted from the rows of jobs, a batch at a time and before they are removed, so that an
 * arrival costs nothing and counts once, whatever dies between.
 */
import type { Database, Statement } from 'better-sqlite3'

const batchRows = 2000

// All rows of the batch move the mark along; only those of the worker's lane would load.
const markQuery = `SELECT max(seq) FROM (SELECT seq FROM job
  WHERE seq > (SELECT counted_seq FROM swap_total) ORDER BY seq LIMIT ?)`

const arrivals = `SELECT runner, created_at,
    lag(runner, 1, (SELECT counted_runner FROM swap_total)) OVER (ORDER BY seq) AS before
  FROM job WHERE seq > (SELECT counted_seq FROM swap_total) AND seq <= @mark AND lane = 'worker'`

const countQuery = `INSERT INTO swap_hour (hour, runner, loads, load_ms, arrival_loads)
  SELECT created_at / 3600000, runner, 0, 0, count(*) FROM (${arrivals})
  WHERE before IS NOT runner GROUP BY 1, 2
  ON CONFLICT (hour, runner) DO UPDATE SET arrival_loads = arrival_loads + excluded.arrival_loads`

const moveMarkQuery = `UPDATE swap_total SET
  counted_runner = coalesce((SELECT runner FROM job WHERE seq > counted_seq AND seq <= @mark AND lane = 'worker'
    ORDER BY seq DESC LIMIT 1), counted_runner),
  counted_seq = @mark`

/** Counts arrivals that were not counted yet. */
export class ArrivalOrder {
  readonly #mark: Statement
  readonly #count: Statement
  readonly #moveMark: Statement
  readonly #countBatch: () => boolean

  constructor(db: Database) {
    this.#mark = db.prepare(markQuery).pluck()
    this.#count = db.prepare(countQuery)
    this.#moveMark = db.prepare(moveMarkQuery)
    this.#countBatch = db.transaction(() => this.#countTo(this.#mark.get(batchRows) as number | null))
  }

  /** Counts up to two thousand arrivals. @returns whether there were any */
  advance(): boolean {
    return this.#countBatch()
  }

  /** Counts all of them. Rows of jobs may go after that. */
  catchUp(): void {
    while (this.#countBatch()) {
      // The next batch.
    }
  }

  #countTo(mark: number | null): boolean {
    if (mark === null) return false
    this.#count.run({ mark })
    this.#moveMark.run({ mark })
    return true
  }
}
