/**
 * The jobs on disk: the only code that writes them.
 *
 * Every transition is one transaction that updates the row, guarded by the state and version it started from,
 * and appends the event; what `states.ts` does not allow cannot happen. Events are announced on the bus after
 * their commit. All calls are synchronous, as better-sqlite3 is.
 */
import createError from '@fastify/error'
import type { Database, Statement } from 'better-sqlite3'
import { durably } from '../database/open.ts'
import { JobDetails } from './details.ts'
import type { Announcement, JobBus, JobEvent, JobEventType } from './events.ts'
import { freshJob } from './fresh.ts'
import { IdempotencyKeys } from './idempotency.ts'
import { newId } from './ids.ts'
import type { Job, JobError, NewJob, StoredRequest } from './job.ts'
import { insertJob, type JobRow, jobColumns, moveJob, toJob, toRow } from './rows.ts'
import { hasEnded, type JobState, mayBecome } from './states.ts'
import type { Usage } from './usage.ts'

/** The table of states has no such arrow: a fault of foreman's own. */
export const TransitionError = createError('FOREMAN_TRANSITION', 'job %s cannot go from %s to %s')

/** The job changed since it was read: somebody else settled it first. */
export const JobChangedError = createError('FOREMAN_JOB_CHANGED', 'job %s is no longer %s at version %s')

/** What a transition changes besides the state. */
export interface Change {
  readonly attempt?: number
  readonly availableAt?: number
  readonly startedAt?: number
  readonly firstTokenAt?: number | null
  readonly error?: JobError | null
  /** The assembled answer, kept in the same transaction. */
  readonly result?: Buffer
  /** What that answer took. */
  readonly usage?: Usage
  /** Further facts for the event. */
  readonly data?: Readonly<Record<string, unknown>>
}

/** Where a job waits in the order of its runner. */
export interface Place {
  readonly dueAt: number
  readonly job: NewJob
}

/** Reads and moves jobs. `now` gives ms since 1970; a simulated clock may stand in its place. */
export class JobStore {
  /** What is kept of a job beside its row. */
  readonly details: JobDetails
  /** The callers' own keys. */
  readonly keys: IdempotencyKeys
  readonly #db: Database
  readonly #bus: JobBus
  readonly #now: () => number
  readonly #byId: Statement
  readonly #insert: Statement
  readonly #insertRequest: Statement
  readonly #insertEvent: Statement
  readonly #insertResult: Statement
  readonly #move: Statement
  readonly #request: Statement
  // Made once: a transaction of better-sqlite3 takes longer to make than to begin.
  readonly #acceptAll: (places: readonly Place[], now: number) => Announcement[]
  readonly #writeMove: (job: Job, moved: Job, change: Change) => JobEvent

  constructor(db: Database, bus: JobBus, now: () => number = Date.now) {
    this.#db = db
    this.#bus = bus
    this.#now = now
    this.details = new JobDetails(db)
    this.keys = new IdempotencyKeys(db)
    this.#byId = db.prepare(`SELECT ${jobColumns} FROM job WHERE id = ?`)
    this.#insert = db.prepare(insertJob)
    this.#insertRequest = db.prepare('INSERT INTO job_request (job_seq, path, body) VALUES (?, ?, ?)')
    this.#insertEvent = db.prepare(
      'INSERT INTO event (job_seq, seq, id, type, attempt, created_at, data) VALUES (?, ?, ?, ?, ?, ?, ?)'
    )
    this.#insertResult = db.prepare('INSERT OR REPLACE INTO job_result (job_seq, body) VALUES (?, ?)')
    this.#move = db.prepare(moveJob)
    this.#request = db.prepare('SELECT path, body FROM job_request WHERE job_seq = ?')
    this.#acceptAll = db.transaction((places: readonly Place[], now: number) =>
      places.map(place => this.#acceptOne(place, now))
    )
    this.#writeMove = db.transaction((job: Job, moved: Job, change: Change) =>
      this.#write(job, moved, change)
    )
  }

  /**
   * Takes jobs in, all or none, as `queued`. When this returns they are on the disk if any of them is
   * durable, and safe from the death of the process in any case.
   */
  accept(places: readonly Place[]): Job[] {
    const now = this.#now()
    const insertAll = () => this.#acceptAll(places, now)
    const durable = places.some(place => !place.job.attached)
    const accepted = durable ? durably(this.#db, insertAll) : insertAll()
    this.#bus.announce(accepted)
    return accepted.map(({ job }) => job)
  }

  /** The job as it is now, or undefined where there is none. */
  get(id: string): Job | undefined {
    const row = this.#byId.get(id) as JobRow | undefined
    return row && toJob(row)
  }

  /** What a durable job sends to the target. */
  request(job: Job): StoredRequest | undefined {
    return this.#request.get(job.seq) as StoredRequest | undefined
  }

  /**
   * Moves `job` to `state` and appends the event, in one transaction.
   * @returns the job as it is then
   * @throws {TransitionError} where the table of states has no such arrow
   * @throws {JobChangedError} when `job` is not what the store holds any more
   */
  move(job: Job, state: JobState, change: Change = {}): Job {
    if (!mayBecome(job.state, state)) throw new TransitionError(job.id, job.state, state)
    const moved = this.#moved(job, state, change)
    const event = this.#writeMove(job, moved, change)
    this.#bus.announce([{ event, job: moved }])
    return moved
  }

  #write(job: Job, moved: Job, { result, usage, data }: Change): JobEvent {
    const { state } = moved
    const ready = state === 'queued' && moved.availableAt <= this.#now()
    const { changes } = this.#move.run(toRow(moved, ready))
    if (changes !== 1) throw new JobChangedError(job.id, job.state, job.version)
    if (result !== undefined) this.#insertResult.run(job.seq, result)
    if (usage !== undefined) this.details.setUsage(job.seq, usage)
    return this.#append(moved, state === 'queued' ? 'job.retrying' : `job.${state}`, data)
  }

  #acceptOne(place: Place, now: number): Announcement {
    const { request, metadata, retryOf, idempotency } = place.job
    const fresh = freshJob(place, now)
    const { lastInsertRowid } = this.#insert.run(toRow({ seq: 0, ...fresh }, fresh.availableAt <= now))
    const job: Job = { seq: Number(lastInsertRowid), ...fresh }
    if (request !== undefined) this.#insertRequest.run(job.seq, request.path, request.body)
    this.details.add(job.seq, { metadata, retryOf })
    if (idempotency !== undefined) this.keys.add(job, idempotency)
    return { job, event: this.#append(job, 'job.queued') }
  }

  #moved(job: Job, state: JobState, change: Change): Job {
    const { result: _result, usage: _usage, data: _data, ...fields } = change
    const now = this.#now()
    const ended = hasEnded(state) ? { finishedAt: now, expiresAt: now + job.retentionMs } : undefined
    return {
      ...job,
      ...fields,
      ...ended,
      state,
      previousState: job.state,
      version: job.version + 1,
      eventSeq: job.eventSeq + 1
    }
  }

  #append(job: Job, type: JobEventType, facts: Change['data'] = {}): JobEvent {
    const data = { state: job.state, previous_state: job.previousState, ...facts }
    const event = {
      id: newId('evt'),
      jobId: job.id,
      seq: job.eventSeq,
      type,
      attempt: job.attempt,
      createdAt: this.#now(),
      data
    }
    const { id, seq, attempt, createdAt } = event
    this.#insertEvent.run(job.seq, seq, id, type, attempt, createdAt, JSON.stringify(data))
    return event
  }
}
