/** Reads the stored events: those of a job, its story in the order in which it happened; or those of all jobs. */
import type { Database, Statement } from 'better-sqlite3'
import { dataOf } from './event-writer.ts'
import type { JobEvent, JobEventType, OutputEventType } from './events.ts'
import type { Job } from './job.ts'
import type { OutputPiece } from './output.ts'

interface EventRow extends Omit<JobEvent, 'type' | 'data' | 'n'> {
  readonly n: number | null
  readonly type: JobEventType
  readonly data: string
}

interface OutputRow extends Omit<JobEvent, 'type' | 'data'>, OutputPiece {
  readonly snapshot: number
}

const common = 'job.id AS jobId, job.owner, l.id, l.seq, l.n, l.attempt, l.created_at AS createdAt'
const events = `SELECT ${common}, l.type, l.data FROM event AS l JOIN job ON job.seq = l.job_seq`
const outputs = `SELECT ${common}, l.channel, l.item, l.start, l.text, l.snapshot
  FROM output AS l JOIN job ON job.seq = l.job_seq`
const everything = -1

/** Only reads: the job's store writes them. */
export class EventLog {
  readonly #ofJob: Reading
  readonly #ofAll: Reading

  constructor(db: Database) {
    // By its id too: the number of a job that was removed may be another job's now.
    this.#ofJob = reading(db, 'l.job_seq = ? AND job.id = ? AND l.seq > ? ORDER BY l.seq LIMIT ?')
    this.#ofAll = reading(db, 'l.n > ? ORDER BY l.n LIMIT ?')
  }

  /** Events of the job with a `seq` above `seq`, `limit` at most. */
  after(job: Job, seq = 0, limit = everything): JobEvent[] {
    return merged(this.#ofJob, [job.seq, job.id, seq, limit], limit, 'seq')
  }

  /** Its changes of state, and what became void. */
  story(job: Job): JobEvent[] {
    return (this.#ofJob.events.all(job.seq, job.id, 0, everything) as EventRow[]).map(eventOf)
  }

  /** Events of all jobs with a place above `n`, `limit` at most. @param texts whether the texts of answers are wanted */
  ofAll(n: number, limit: number, texts = true): JobEvent[] {
    return merged(this.#ofAll, [n, limit], limit, 'n', texts)
  }
}

interface Reading {
  readonly events: Statement
  readonly outputs: Statement
}

function reading(db: Database, where: string): Reading {
  return { events: db.prepare(`${events} WHERE ${where}`), outputs: db.prepare(`${outputs} WHERE ${where}`) }
}

/** Two tables that are each in order, as one. */
function merged(
  from: Reading,
  values: (number | string)[],
  limit: number,
  by: 'seq' | 'n',
  texts = true
): JobEvent[] {
  const changes = (from.events.all(...values) as EventRow[]).map(eventOf)
  if (!texts) return changes
  const pieces = (from.outputs.all(...values) as OutputRow[]).map(outputOf)
  if (pieces.length === 0) return changes
  const all = [...changes, ...pieces].sort((a, b) => a[by] - b[by])
  return limit === everything ? all : all.slice(0, limit)
}

function eventOf({ n, data, ...row }: EventRow): JobEvent {
  return { ...row, n: n ?? 0, data: JSON.parse(data) }
}

function outputOf({ channel, item, start, text, snapshot, ...row }: OutputRow): JobEvent {
  const type: OutputEventType = snapshot === 1 ? 'job.output_snapshot' : 'job.output'
  return { ...row, type, data: dataOf({ channel, item, start, text }) }
}
