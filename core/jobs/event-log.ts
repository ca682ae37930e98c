/** Reads the stored events of a job: its story, in the order in which it happened. */
import type { Database, Statement } from 'better-sqlite3'
import type { JobEvent } from './events.ts'
import type { Job } from './job.ts'

type EventRow = Omit<JobEvent, 'jobId' | 'data'> & { readonly data: string }

const columns = 'id, seq, type, attempt, created_at AS createdAt, data'
const everything = -1

/** Only reads: the job's store writes them. */
export class EventLog {
  readonly #after: Statement

  constructor(db: Database) {
    this.#after = db.prepare(
      `SELECT ${columns} FROM event WHERE job_seq = ? AND seq > ? ORDER BY seq LIMIT ?`
    )
  }

  /** Events with a `seq` above `seq`, `limit` at most. */
  after(job: Job, seq = 0, limit = everything): JobEvent[] {
    const rows = this.#after.all(job.seq, seq, limit) as EventRow[]
    return rows.map(row => ({ ...row, jobId: job.id, data: JSON.parse(row.data) }))
  }
}
