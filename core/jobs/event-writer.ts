/** Writes the events of jobs, each with its place among all. For the job's store, inside its transactions. */
import type { Database, Statement } from 'better-sqlite3'
import type { JobEvent, JobEventType } from './events.ts'
import { newId } from './ids.ts'
import type { Job } from './job.ts'
import type { OutputPiece } from './output.ts'
import { Places } from './places.ts'

/** Time after the end of a job in which the pieces of its text are kept as they came, in ms. */
const foldAfterMs = 10 * 60 * 1000

/** Appends to the log. */
export class EventWriter {
  readonly #places: Places
  readonly #insert: Statement
  readonly #insertOutput: Statement
  readonly #hasOutput: Statement
  readonly #foldLater: Statement

  constructor(db: Database) {
    this.#places = new Places(db)
    this.#insert = db.prepare(
      'INSERT INTO event (job_seq, seq, id, type, attempt, created_at, data, n) VALUES (?, ?, ?, ?, ?, ?, ?, ?)'
    )
    this.#insertOutput = db.prepare(
      `INSERT INTO output (n, job_seq, seq, first_seq, id, attempt, created_at, channel, item, start, text)
        VALUES (@n, @jobSeq, @seq, @seq, @id, @attempt, @createdAt, @channel, @item, @start, @text)`
    )
    this.#hasOutput = db.prepare('SELECT 1 FROM output WHERE job_seq = ? AND attempt = ? LIMIT 1').pluck()
    this.#foldLater = db.prepare(
      `INSERT OR IGNORE INTO output_unfolded (job_seq, fold_at)
        SELECT ?, ? WHERE (SELECT count(*) FROM (SELECT 1 FROM output WHERE job_seq = ? LIMIT 2)) = 2`
    )
  }

  /** The event that left the job as it is. */
  append(job: Job, type: JobEventType, data: JobEvent['data'], now: number): JobEvent {
    const event = { ...this.#eventOf(job, job.eventSeq, now), type, data }
    const { seq, id, attempt, createdAt, n } = event
    this.#insert.run(job.seq, seq, id, type, attempt, createdAt, JSON.stringify(data), n)
    return event
  }

  /** Pieces of the job's answer, as its next events. */
  appendOutput(job: Job, pieces: readonly OutputPiece[], now: number): JobEvent[] {
    return pieces.map((piece, index) => {
      const event = this.#eventOf(job, job.eventSeq + 1 + index, now)
      const { seq, id, attempt, createdAt, n } = event
      this.#insertOutput.run({ jobSeq: job.seq, seq, id, attempt, createdAt, n, ...piece })
      return { ...event, type: 'job.output', data: dataOf(piece) }
    })
  }

  /** Says that what came so far is void, as the job's next event; nothing where the attempt wrote nothing. */
  appendReset(job: Job, now: number): JobEvent[] {
    if (this.#hasOutput.get(job.seq, job.attempt) === undefined) return []
    const data = { attempt: job.attempt }
    return [this.append({ ...job, eventSeq: job.eventSeq + 1 }, 'job.output_reset', data, now)]
  }

  /** The job has ended: its pieces are folded up later, where there are some. */
  ended({ seq }: Job, now: number): void {
    this.#foldLater.run(seq, now + foldAfterMs, seq)
  }

  #eventOf({ id: jobId, owner, attempt }: Job, seq: number, now: number): Omit<JobEvent, 'type' | 'data'> {
    return { id: newId('evt'), jobId, owner, seq, n: this.#places.next(), attempt, createdAt: now }
  }
}

/** What an event tells of a piece of text. */
export function dataOf({ channel, item, start, text }: OutputPiece): JobEvent['data'] {
  return { text, offset: start, channel, index: item }
}
