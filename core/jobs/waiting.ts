/**
 * The waiting jobs as the schedule and the worker ask for them. Every question is answered from an index of
 * waiting rows alone, so a million of them cost what ten do.
 */
import type { Database, Statement } from 'better-sqlite3'
import type { Job } from './job.ts'
import type { Priority } from './priority.ts'
import { type JobRow, jobColumns, toJob } from './rows.ts'

/** The earliest due job of one runner and one priority. `dueAt` in ms; it may lie in the future. */
export interface Head {
  readonly runner: string
  readonly priority: Priority
  readonly dueAt: number
}

// The `+` before a parameter keeps SQLite from planning the statement anew with each value that is bound, which
// takes longer than the look-up: "bound to a host parameter" in https://www.sqlite.org/c3ref/prepare.html.

// A loose index scan: step from runner to runner by one look-up each, then one look-up a priority. A GROUP BY
// would read the index from end to end.
const headsQuery = `WITH RECURSIVE waiting (runner) AS (
    SELECT min(runner) FROM job WHERE ready = 1 AND lane = +@lane
    UNION ALL
    SELECT (SELECT min(runner) FROM job WHERE ready = 1 AND lane = +@lane AND runner > waiting.runner)
    FROM waiting WHERE waiting.runner IS NOT NULL),
  class (priority) AS (VALUES ('interactive'), ('normal'), ('batch'))
  SELECT runner, priority, (SELECT min(due_at) FROM job WHERE ready = 1 AND lane = +@lane
    AND runner = waiting.runner AND priority = class.priority) AS dueAt
  FROM waiting, class WHERE dueAt IS NOT NULL`

// Within a runner the earliest due goes first, whatever its class; each class is one range of the index.
const beforeQuery = ['interactive', 'normal', 'batch']
  .map(
    priority => `SELECT count(*) AS jobs FROM (SELECT 1 FROM job
      WHERE ready = 1 AND lane = +@lane AND runner = +@runner AND priority = '${priority}'
      AND (due_at, seq) < (+@dueAt, +@seq) LIMIT @limit)`
  )
  .join(' UNION ALL ')

/** Jobs before another that are counted of each class: who waits behind that many wants no exact number. */
const longestCount = 10_000

/** Questions about queued jobs; changes nothing but `ready`, which follows from the time. */
export class WaitingJobs {
  readonly #heads: Statement
  readonly #first: Statement
  readonly #before: Statement
  readonly #lastDue: Statement
  readonly #promote: Statement
  readonly #nextAvailable: Statement
  readonly #overdue: Statement
  readonly #nextStartBy: Statement
  readonly #delayed: Statement

  constructor(db: Database) {
    this.#heads = db.prepare(headsQuery)
    this.#first = db.prepare(`SELECT ${jobColumns} FROM job
      WHERE ready = 1 AND lane = +? AND runner = +? AND priority = +? ORDER BY due_at, seq LIMIT 1`)
    this.#before = db.prepare(`SELECT sum(jobs) FROM (${beforeQuery})`).pluck()
    this.#lastDue = db
      .prepare('SELECT max(due_at) FROM job WHERE ready = 1 AND lane = +? AND runner = +? AND priority = +?')
      .pluck()
    this.#promote = db.prepare(
      "UPDATE job SET ready = 1 WHERE state = 'queued' AND ready = 0 AND available_at <= ?"
    )
    this.#nextAvailable = db
      .prepare("SELECT min(available_at) FROM job WHERE state = 'queued' AND ready = 0")
      .pluck()
    this.#overdue = db.prepare(`SELECT ${jobColumns} FROM job
      WHERE state = 'queued' AND start_by <= ? ORDER BY start_by LIMIT 100`)
    this.#delayed = db.prepare(`SELECT runner, priority, count(*) AS jobs FROM job
      WHERE state = 'queued' AND ready = 0 GROUP BY runner, priority`)
    this.#nextStartBy = db
      .prepare("SELECT min(start_by) FROM job WHERE state = 'queued' AND start_by IS NOT NULL")
      .pluck()
  }

  /** How many jobs of each runner and class wait for a retry or their `not_before`. */
  delayed(): (Pick<Head, 'runner' | 'priority'> & { readonly jobs: number })[] {
    return this.#delayed.all() as ReturnType<WaitingJobs['delayed']>
  }

  /** The earliest due of each runner and priority among the jobs of `lane` that may run. */
  heads(lane: string): Head[] {
    return this.#heads.all({ lane }) as Head[]
  }

  /** The job behind a head. */
  first(lane: string, head: Head): Job | undefined {
    const row = this.#first.get(lane, head.runner, head.priority) as JobRow | undefined
    return row && toJob(row)
  }

  /** When the last of a head's jobs is due; undefined where there is none any more. */
  lastDueAt(lane: string, { runner, priority }: Head): number | undefined {
    return (this.#lastDue.get(lane, runner, priority) as number | null) ?? undefined
  }

  /** How many jobs that may run go before `job` on its runner; not exact beyond ten thousand. */
  countBefore({ lane, runner, dueAt, seq }: Job): number {
    return this.#before.get({ lane, runner, dueAt, seq, limit: longestCount }) as number
  }

  /** The oldest of each class of each runner among the jobs that may run. */
  oldest(lane: string): Job[] {
    const oldest = this.heads(lane).map(head => this.first(lane, head))
    return oldest.filter(job => job !== undefined)
  }

  /** Jobs whose wait (retry, `not_before`) is over by `now` count from here on. @returns how many */
  promote(now: number): number {
    return this.#promote.run(now).changes
  }

  /** When the next delayed job may run, ms since 1970. */
  nextAvailableAt(): number | undefined {
    return (this.#nextAvailable.get() as number | null) ?? undefined
  }

  /** Queued jobs whose time to start has passed by `now`: a hundred at most. */
  startOverdue(now: number): Job[] {
    return (this.#overdue.all(now) as JobRow[]).map(toJob)
  }

  /** The earliest time by which a queued job must have started. */
  nextStartBy(): number | undefined {
    return (this.#nextStartBy.get() as number | null) ?? undefined
  }
}
