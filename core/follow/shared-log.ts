/**
 * The event log as followers read it: those that have fallen behind together read on from the same place in the same turn of
 * the event loop, and are given the same events. So these are read from the disk once, and made into bytes once, which wait
 * in memory once, for however many.
 */
import type { Database, Statement } from 'better-sqlite3'
import { EventLog } from '../jobs/event-log.ts'
import type { JobEvent } from '../jobs/events.ts'
import type { Job } from '../jobs/job.ts'

interface Reading {
  readonly key: string
  readonly events: readonly JobEvent[]
}

/** Remembers what was read last, until something is written, and no longer than to the next turn. */
export class SharedLog {
  readonly #log: EventLog
  readonly #changes: Statement
  #last: Reading | undefined

  /** @param db the only connection that writes */
  constructor(db: Database) {
    this.#log = new EventLog(db)
    this.#changes = db.prepare('SELECT total_changes()').pluck()
  }

  /** Events of the job with a `seq` above `seq`, `limit` at most. */
  after(job: Job, seq: number, limit: number): readonly JobEvent[] {
    return this.#once(`${job.id} ${seq} ${limit}`, () => this.#log.after(job, seq, limit))
  }

  /** Events of all jobs with a place above `n`, `limit` at most. @param texts whether the texts of answers are wanted */
  ofAll(n: number, limit: number, texts: boolean): readonly JobEvent[] {
    return this.#once(`${n} ${limit} ${texts}`, () => this.#log.ofAll(n, limit, texts))
  }

  /** Whether there is anything of the job. */
  has(job: Job): boolean {
    return this.#log.after(job, 0, 1).length > 0
  }

  #once(what: string, read: () => readonly JobEvent[]): readonly JobEvent[] {
    const key = `${what} ${this.#changes.get()}`
    if (this.#last?.key === key) return this.#last.events
    if (this.#last === undefined) setImmediate(() => this.#forget())
    this.#last = { key, events: read() }
    return this.#last.events
  }

  #forget(): void {
    this.#last = undefined
  }
}
