/**
 * Folds up the text of ended jobs: the many pieces of each text become few rows, the first of them a snapshot, and text
 * that became void goes. A row stands where the last of its pieces stood, so whoever had that one has missed nothing.
 *
 * Works in many small transactions with other things between them. Each leaves a log that tells the same text, so a fold
 * that was broken off begins again from what is there.
 */
import type { Database, Statement } from 'better-sqlite3'

/** Longest text of a row that pieces were folded into, in bytes of UTF-8. */
export const longestFoldBytes = 256 * 1024
/** Rows that one transaction takes away: about a millisecond. */
const mostRows = 250

/** Removed with a reset behind it; of every text one row has `start` 0. */
const removeVoid = `DELETE FROM output WHERE n IN (SELECT n FROM output WHERE job_seq = @jobSeq AND seq <
  (SELECT max(seq) FROM event WHERE job_seq = @jobSeq AND type = 'job.output_reset') LIMIT @limit)`
const textsOf = `SELECT channel, item, min(seq) AS first, max(seq) AS last FROM output
  WHERE job_seq = ? GROUP BY channel, item`
const rowsOf = `SELECT n, seq, first_seq AS firstSeq, start, text, snapshot FROM output
  WHERE job_seq = @jobSeq AND channel = @channel AND item = @item AND seq BETWEEN @from AND @last
  ORDER BY seq LIMIT @limit`

interface Text {
  readonly channel: string
  readonly item: number
  readonly first: number
  readonly last: number
}

interface Row {
  readonly n: number
  readonly seq: number
  readonly firstSeq: number
  readonly start: number
  readonly text: string
  readonly snapshot: number
}

/** Folds on one database. */
export class OutputFolds {
  readonly #due: Statement
  readonly #removeVoid: Statement
  readonly #texts: Statement
  readonly #rows: Statement
  readonly #isDone: Statement
  readonly #write: (rows: readonly Row[]) => void

  constructor(db: Database) {
    this.#due = db
      .prepare('SELECT job_seq FROM output_unfolded WHERE fold_at <= ? ORDER BY fold_at LIMIT 1')
      .pluck()
    this.#removeVoid = db.prepare(removeVoid)
    this.#texts = db.prepare(textsOf)
    this.#rows = db.prepare(rowsOf)
    this.#isDone = db.prepare('DELETE FROM output_unfolded WHERE job_seq = ?')
    const update = db.prepare(
      'UPDATE output SET first_seq = @firstSeq, start = @start, text = @text, snapshot = @snapshot WHERE n = @n'
    )
    const remove = db.prepare('DELETE FROM output WHERE n = ?')
    this.#write = db.transaction((rows: readonly Row[]) => {
      for (const { n } of rows.slice(0, -1)) remove.run(n)
      update.run(joined(rows))
    })
  }

  /**
   * Folds what is due by `now`, job by job. Each step is one short transaction, or one look: a caller that wants to do
   * something else does it between them.
   */
  *steps(now: number): Generator<void, void> {
    for (;;) {
      const jobSeq = this.#due.get(now) as number | undefined
      if (jobSeq === undefined) return
      while (this.#removeVoid.run({ jobSeq, limit: mostRows }).changes === mostRows) yield
      yield
      for (const text of this.#texts.all(jobSeq) as Text[]) yield* this.#fold(jobSeq, text)
      this.#isDone.run(jobSeq)
      yield
    }
  }

  *#fold(jobSeq: number, { channel, item, first, last }: Text): Generator<void, void> {
    for (let from = first; from <= last; ) {
      const found = this.#rows.all({ jobSeq, channel, item, from, last, limit: mostRows }) as Row[]
      // The job was removed meanwhile.
      if (found.length === 0) return
      const rows = fitting(found)
      const isWritten = rows.length > 1 || (rows[0]!.start === 0 && rows[0]!.snapshot === 0)
      if (isWritten) this.#write(rows)
      yield
      // Where all that was found fits, more may fit behind it.
      const isFull = rows.length < found.length || found.length === 1
      from = rows.at(-1)!.seq + (isFull ? 1 : 0)
    }
  }
}

/** As many of the first rows as make one; one at least. */
function fitting(rows: readonly Row[]): readonly Row[] {
  let bytes = 0
  const tooMany = rows.findIndex(({ text }, index) => {
    bytes += Buffer.byteLength(text)
    return index > 0 && bytes > longestFoldBytes
  })
  return tooMany === -1 ? rows : rows.slice(0, tooMany)
}

function joined(rows: readonly Row[]): Omit<Row, 'seq'> {
  const { firstSeq, start } = rows[0]!
  const text = rows.map(row => row.text).join('')
  return { n: rows.at(-1)!.n, firstSeq, start, text, snapshot: start === 0 ? 1 : 0 }
}

/** Time that folding takes from the event loop at once, and leaves to it then, in ms. */
const busyMs = 5
const pauseMs = 15

/** Looks every `intervalMs` for what is due, and folds it, until stopped. */
export class OutputFolder {
  readonly #folds: OutputFolds
  readonly #intervalMs: number
  readonly #onError: (err: unknown) => void
  #steps: Generator<void, void> | undefined
  #timer: NodeJS.Timeout | undefined

  /** `onError` is told of what the database throws; it is tried again at the next look. */
  constructor(db: Database, intervalMs: number, onError: (err: unknown) => void) {
    this.#folds = new OutputFolds(db)
    this.#intervalMs = intervalMs
    this.#onError = onError
  }

  /** Begins at once. */
  start(): void {
    this.#timer = setTimeout(() => this.start(), this.#work() ? pauseMs : this.#intervalMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** @returns whether there is more to do now */
  #work(): boolean {
    const begunAt = performance.now()
    this.#steps ??= this.#folds.steps(Date.now())
    try {
      while (performance.now() - begunAt < busyMs) {
        if (!this.#steps.next().done) continue
        this.#steps = undefined
        return false
      }
      return true
    } catch (err) {
      this.#steps = undefined
      this.#onError(err)
      return false
    }
  }
}
