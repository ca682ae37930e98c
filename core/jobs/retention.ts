/**
 * Removes what has been kept long enough: ended jobs leave a tombstone, tombstones go later. A job that is held (`job_hold`:
 * somebody is still to be told of it) stays longer, up to seven days after its end.
 *
 * What is removed is on the disk as removed: the files of artifacts go after it, and must not be missed by rows that a
 * power cut brings back.
 */
import type { Database } from 'better-sqlite3'
import { durably } from '../database/open.ts'
import { ArrivalOrder } from './arrival-order.ts'
import type { Job } from './job.ts'

const batchSize = 500

/** What of an ended job goes into its tombstone. */
export type EndedJob = Pick<Job, 'seq' | 'id' | 'owner' | 'state' | 'finishedAt'>

/** Times in ms. */
export interface RetentionRules {
  /** How long a removed job's id still answers 410. */
  readonly tombstoneMs: number
  /** Told what was removed, once it is on the disk. */
  readonly onRemoved?: (what: 'job' | 'upload' | 'tombstone', count: number) => void
}

/** Longest time after the end of a job for which one that is held is kept. */
const longestHoldMs = 7 * 86_400_000

const expiredJobs = `SELECT seq, id, owner, state, finished_at AS finishedAt FROM job
  WHERE expires_at <= @now AND (finished_at <= @now - @longestHoldMs OR seq NOT IN (SELECT job_seq FROM job_hold))
  LIMIT @batchSize`

const removeUploads = `DELETE FROM artifact WHERE seq IN
  (SELECT seq FROM artifact WHERE job_seq IS NULL AND uses = 0 AND expires_at <= ? LIMIT ?)`

/**
 * Removes jobs whose `expires_at` has passed by `now`, with all that is theirs, uploads that no job uses, tombstones and
 * idempotency keys that have served their time: a batch at a time, so that the event loop is never held for long.
 * @returns how many jobs were removed, and whether more are left
 */
export function sweep(db: Database, now: number, rules: RetentionRules): { removed: number; more: boolean } {
  const clear = db.transaction(() => {
    const expired = db.prepare(expiredJobs).all({ now, longestHoldMs, batchSize }) as EndedJob[]
    const remove = removerAt(db, now)
    for (const job of expired) remove(job)
    const uploads = db.prepare(removeUploads).run(now, batchSize).changes
    db.prepare('DELETE FROM idempotency_key WHERE forget_at <= ?').run(now)
    const forgotten = db.prepare('DELETE FROM tombstone WHERE removed_at <= ?')
    const tombstones = forgotten.run(now - rules.tombstoneMs).changes
    return { jobs: expired.length, uploads, tombstones }
  })
  const { jobs, uploads, tombstones } = durably(db, clear)
  rules.onRemoved?.('job', jobs)
  rules.onRemoved?.('upload', uploads)
  rules.onRemoved?.('tombstone', tombstones)
  return { removed: jobs, more: Math.max(jobs, uploads) === batchSize }
}

/** Removes one ended job before its time, as {@link sweep} does then. */
export function removeJob(db: Database, job: EndedJob, now: number): void {
  durably(
    db,
    db.transaction(() => removerAt(db, now)(job))
  )
}

function removerAt(db: Database, now: number): (job: EndedJob) => void {
  new ArrivalOrder(db).catchUp()
  const bury = db.prepare(
    `INSERT INTO tombstone (id, owner, state, finished_at, removed_at, last_n)
      VALUES (@id, @owner, @state, @finishedAt, @now, (SELECT max(n) FROM event WHERE job_seq = @seq))`
  )
  const remove = db.prepare('DELETE FROM job WHERE seq = ?')
  return ({ seq, id, owner, state, finishedAt }) => {
    // The last event of an ended job is its end, and no piece of text.
    bury.run({ seq, id, owner, state, finishedAt, now })
    remove.run(seq)
  }
}

/** Sweeps every `intervalMs` until stopped. */
export class Sweeper {
  readonly #db: Database
  readonly #rules: RetentionRules
  readonly #intervalMs: number
  readonly #onError: (err: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(db: Database, rules: RetentionRules, intervalMs: number, onError: (err: unknown) => void) {
    this.#db = db
    this.#rules = rules
    this.#intervalMs = intervalMs
    this.#onError = onError
  }

  /** Begins with a sweep at once. */
  start(): void {
    if (this.#stopped) return
    const again = this.#sweep() ? 0 : this.#intervalMs
    this.#timer = setTimeout(() => this.start(), again)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #sweep(): boolean {
    try {
      return sweep(this.#db, Date.now(), this.#rules).more
    } catch (err) {
      this.#onError(err)
      return false
    }
  }
}
