/**
 * Answers that are kept byte for byte, as the target sent them: those of calls that go on without their callers. They are
 * written while they come, apart from the job's events, and go when the job goes.
 */
import type { Database, Statement } from 'better-sqlite3'
import type { KeptHead, KeptPiece } from './output.ts'

/** What is known of an answer beside its bytes. */
export interface KeptAnswer extends KeptHead {
  /** Whether the target has ended it in order. False to the end where the answer was cut. */
  readonly complete: boolean
}

/** Reads and, for the job's store, writes them. */
export class KeptAnswers {
  readonly #begin: Statement
  readonly #append: Statement
  readonly #complete: Statement
  readonly #head: Statement
  readonly #from: Statement
  readonly #size: Statement

  constructor(db: Database) {
    this.#begin = db.prepare('INSERT INTO kept_answer (job_seq, status, content_type) VALUES (?, ?, ?)')
    this.#append = db.prepare('INSERT INTO kept_bytes (job_seq, start, bytes) VALUES (?, ?, ?)')
    this.#complete = db.prepare('UPDATE kept_answer SET complete = 1 WHERE job_seq = ?')
    this.#head = db.prepare(
      'SELECT status, content_type AS contentType, complete FROM kept_answer WHERE job_seq = ?'
    )
    this.#from = db.prepare(
      `SELECT start, bytes FROM kept_bytes WHERE job_seq = @seq AND start >=
        coalesce((SELECT max(start) FROM kept_bytes WHERE job_seq = @seq AND start <= @from), 0)
        ORDER BY start LIMIT 1`
    )
    this.#size = db
      .prepare('SELECT start + length(bytes) FROM kept_bytes WHERE job_seq = ? ORDER BY start DESC LIMIT 1')
      .pluck()
  }

  /** The head came. */
  begin(jobSeq: number, { status, contentType }: KeptHead): void {
    this.#begin.run(jobSeq, status, contentType)
  }

  /** The next bytes came, or the end did. */
  append(jobSeq: number, { start, bytes, isLast }: KeptPiece): void {
    if (bytes.length > 0) this.#append.run(jobSeq, start, bytes)
    if (isLast) this.#complete.run(jobSeq)
  }

  /** Undefined where nothing is kept of the job, or nothing has come. */
  head(jobSeq: number): KeptAnswer | undefined {
    const row = this.#head.get(jobSeq) as (KeptHead & { complete: number }) | undefined
    return row && { ...row, complete: row.complete === 1 }
  }

  /** Bytes that are kept so far. */
  size(jobSeq: number): number {
    return (this.#size.get(jobSeq) as number | undefined) ?? 0
  }

  /** Some bytes from `offset` on, as many as lie together; undefined where there are none. */
  read(jobSeq: number, offset: number): Buffer | undefined {
    const piece = this.#from.get({ seq: jobSeq, from: offset }) as KeptPiece | undefined
    const bytes = piece?.bytes.subarray(offset - piece.start)
    return bytes === undefined || bytes.length === 0 ? undefined : bytes
  }
}
