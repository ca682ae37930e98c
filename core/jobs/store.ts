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
import { Artifacts, type Output } from './artifacts.ts'
import { JobDetails } from './details.ts'
import { EventWriter } from './event-writer.ts'
import type { Announcement, JobBus, JobEvent, StateEventType } from './events.ts'
import { freshJob } from './fresh.ts'
import { IdempotencyKeys, KeyTakenError } from './idempotency.ts'
import type { Job, JobError, KeptRequest, NewJob } from './job.ts'
import { KeptAnswers } from './kept-answers.ts'
import type { AnswerPart } from './output.ts'
import { insertJob, type JobRow, jobColumns, moveJob, toJob, toRow } from './rows.ts'
import { isAtWork, RunLog, type RunTook } from './runs.ts'
import { type StartEstimate, StartEstimates } from './start-estimates.ts'
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
  /** The assembled answer, kept as an artifact in the same transaction: only at an end. */
  readonly result?: Output
  /** What that answer took. */
  readonly usage?: Usage
  /** What came of the answer before the change, and is not written yet. */
  readonly answer?: AnswerPart
  /** What the attempt that ends here took. */
  readonly took?: RunTook
  /** When that attempt ended, where it was before now. */
  readonly attemptEndedAt?: number
  /** Further facts for the event. */
  readonly data?: Readonly<Record<string, unknown>>
}

/** Where a job waits in the order of its runner. */
export interface Place {
  readonly dueAt: number
  readonly job: NewJob
  /** What its caller is told of its start. */
  readonly estimate?: StartEstimate
}

/** What became of one of several jobs that were handed in together: the job, or why it was not taken. */
export type Acceptance = { readonly job: Job } | { readonly error: unknown }

/** How the store is used. */
export interface StoreOptions {
  /** Gives ms since 1970; a simulated clock may stand in its place. */
  readonly now?: () => number
  /** Told of every transaction with jobs, once it is written. Must not throw. */
  readonly onCommit?: (tookMs: number) => void
}

/** Reads and moves jobs. */
export class JobStore {
  /** What is kept of a job beside its row. */
  readonly details: JobDetails
  /** The callers' own keys. */
  readonly keys: IdempotencyKeys
  /** The attempts on the target. */
  readonly runs: RunLog
  /** What was foretold of starts. */
  readonly estimates: StartEstimates
  /** What jobs made, and what they use. */
  readonly artifacts: Artifacts
  /** Answers that are kept byte for byte. */
  readonly keptAnswers: KeptAnswers
  readonly #db: Database
  readonly #bus: JobBus
  readonly #now: () => number
  readonly #onCommit: StoreOptions['onCommit']
  readonly #byId: Statement
  readonly #insert: Statement
  readonly #insertRequest: Statement
  readonly #events: EventWriter
  readonly #move: Statement
  readonly #setEventSeq: Statement
  readonly #request: Statement
  // Made once: a transaction of better-sqlite3 takes longer to make than to begin.
  readonly #acceptAll: (places: readonly Place[], now: number) => Announcement[]
  readonly #acceptEach: (places: readonly Place[], now: number) => (Announcement | { error: unknown })[]
  readonly #writeMove: (job: Job, moved: Job, change: Change, now: number) => Announcement[]
  readonly #writeAnswer: (job: Job, part: AnswerPart, now: number) => Announcement[]

  constructor(db: Database, bus: JobBus, { now = Date.now, onCommit }: StoreOptions = {}) {
    this.#db = db
    this.#bus = bus
    this.#now = now
    this.#onCommit = onCommit
    this.details = new JobDetails(db)
    this.keys = new IdempotencyKeys(db)
    this.runs = new RunLog(db)
    this.estimates = new StartEstimates(db)
    this.artifacts = new Artifacts(db)
    this.keptAnswers = new KeptAnswers(db)
    this.#events = new EventWriter(db)
    this.#byId = db.prepare(`SELECT ${jobColumns} FROM job WHERE id = ?`)
    this.#insert = db.prepare(insertJob)
    this.#insertRequest = db.prepare('INSERT INTO job_request (job_seq, path, body) VALUES (?, ?, ?)')
    this.#move = db.prepare(moveJob)
    this.#setEventSeq = db.prepare('UPDATE job SET event_seq = ? WHERE seq = ? AND version = ?')
    this.#request = db.prepare(
      'SELECT path, body, traceparent FROM job_request LEFT JOIN job_trace USING (job_seq) WHERE job_seq = ?'
    )
    this.#acceptAll = db.transaction((places: readonly Place[], now: number) =>
      places.map(place => this.#acceptOne(place, now))
    )
    this.#acceptEach = db.transaction((places: readonly Place[], now: number) =>
      places.map(place => this.#tryAccept(place, now))
    )
    this.#writeMove = db.transaction((job: Job, moved: Job, change: Change, now: number) =>
      this.#write(job, moved, change, now)
    )
    this.#writeAnswer = db.transaction((job: Job, part: AnswerPart, now: number) => {
      const announced = this.#addAnswer(job, part, now)
      const { eventSeq } = announced.at(-1)?.job ?? job
      if (this.#setEventSeq.run(eventSeq, job.seq, job.version).changes === 1) return announced
      throw new JobChangedError(job.id, job.state, job.version)
    })
  }

  /**
   * Takes jobs in, all or none, as `queued`. When this returns they are on the disk if any of them is
   * durable, and safe from the death of the process in any case.
   */
  accept(places: readonly Place[]): Job[] {
    const now = this.#now()
    const insertAll = () => this.#acceptAll(places, now)
    const durable = places.some(place => !place.job.attached)
    const accepted = this.#timed(() => (durable ? durably(this.#db, insertAll) : insertAll()))
    this.#bus.announce(accepted)
    return accepted.map(({ job }) => job)
  }

  /**
   * Takes durable jobs in, each for itself, in one commit: they are on the disk when this returns. A key that is taken
   * keeps out its own job alone ({KeyTakenError}); a failure of the disk is thrown, for all of them.
   */
  acceptEach(places: readonly Place[]): Acceptance[] {
    const now = this.#now()
    const outcomes = this.#timed(() => durably(this.#db, () => this.#acceptEach(places, now)))
    this.#bus.announce(outcomes.filter(outcome => 'event' in outcome))
    return outcomes
  }

  /** The job as it is now, or undefined where there is none. */
  get(id: string): Job | undefined {
    const row = this.#byId.get(id) as JobRow | undefined
    return row && toJob(row)
  }

  /** What a durable job sends to the target. */
  request(job: Job): KeptRequest | undefined {
    return this.#request.get(job.seq) as KeptRequest | undefined
  }

  /**
   * Moves `job` to `state` and appends the event, in one transaction.
   * @returns the job as it is then
   * @throws {TransitionError} where the table of states has no such arrow
   * @throws {JobChangedError} when `job` is not what the store holds any more
   */
  move(job: Job, state: JobState, change: Change = {}): Job {
    if (!mayBecome(job.state, state)) throw new TransitionError(job.id, job.state, state)
    const now = this.#now()
    const moved = this.#moved(job, state, change, now)
    return this.#tell(
      this.#timed(() => this.#writeMove(job, moved, change, now)),
      change.answer
    )
  }

  /**
   * Adds what came of the answer of a running job to its log, in one transaction.
   * @returns the job as it is then: of the same version, since nothing of it changed
   * @throws {JobChangedError} as {@link move}
   */
  addAnswer(job: Job, part: AnswerPart): Job {
    const now = this.#now()
    const announced = this.#timed(() => this.#writeAnswer(job, part, now))
    return announced.length === 0 ? this.#tell([], part, job) : this.#tell(announced, part)
  }

  #timed<T>(commit: () => T): T {
    const begunAt = performance.now()
    const written = commit()
    this.#onCommit?.(performance.now() - begunAt)
    return written
  }

  #tell(announced: readonly Announcement[], part: AnswerPart | undefined, job = announced.at(-1)!.job): Job {
    this.#bus.announce(announced)
    if (part?.head !== undefined || part?.kept !== undefined) this.#bus.emit('kept', job)
    return job
  }

  #write(job: Job, moved: Job, change: Change, now: number): Announcement[] {
    const { result, usage, data, answer } = change
    const { state } = moved
    const before = answer === undefined ? [] : this.#addAnswer(job, answer, now)
    // An attempt that goes back takes its text with it.
    if (state === 'queued') {
      const last = before.at(-1)?.job ?? job
      before.push(...announcing(last, this.#events.appendReset(last, now)))
    }
    const next: Job = { ...moved, eventSeq: (before.at(-1)?.job ?? job).eventSeq + 1 }
    const ready = state === 'queued' && moved.availableAt <= now
    const { changes } = this.#move.run(toRow(next, ready))
    if (changes !== 1) throw new JobChangedError(job.id, job.state, job.version)
    if (result !== undefined) this.artifacts.addOutput(job, result, now)
    if (usage !== undefined) this.details.setUsage(job.seq, usage)
    if (isAtWork(job) && state !== 'canceling')
      this.runs.add(job, moved, change.attemptEndedAt ?? now, change.took)
    if (state === 'working' && !job.attached) this.estimates.started(job.seq, now)
    if (hasEnded(state)) this.#events.ended(job, now)
    const type = state === 'queued' ? 'job.retrying' : (`job.${state}` as const)
    const event = this.#append(next, type, { ...factsOf(moved, now, change.error), ...data }, now)
    return [...before, { event, job: next }]
  }

  #addAnswer(job: Job, { pieces, head, kept }: AnswerPart, now: number): Announcement[] {
    if (head !== undefined) this.keptAnswers.begin(job.seq, head)
    if (kept !== undefined) this.keptAnswers.append(job.seq, kept)
    return announcing(job, this.#events.appendOutput(job, pieces, now))
  }

  #tryAccept(place: Place, now: number): Announcement | { error: unknown } {
    try {
      return this.#acceptOne(place, now)
    } catch (error) {
      if (error instanceof KeyTakenError) return { error }
      throw error
    }
  }

  #acceptOne(place: Place, now: number): Announcement {
    const { request, inputs, idempotency } = place.job
    const fresh = freshJob(place, now)
    // First: where it is taken nothing else has been written.
    if (idempotency !== undefined) this.keys.add(fresh, idempotency)
    const { lastInsertRowid } = this.#insert.run(toRow({ seq: 0, ...fresh }, fresh.availableAt <= now))
    const job: Job = { seq: Number(lastInsertRowid), ...fresh }
    if (request !== undefined) this.#insertRequest.run(job.seq, request.path, request.body)
    if (inputs !== undefined) this.artifacts.addUses(job.seq, inputs)
    this.details.add(job.seq, place.job)
    if (place.estimate !== undefined) this.estimates.add(job.seq, place.estimate)
    return { job, event: this.#append(job, 'job.queued', factsOf(job, now), now) }
  }

  #moved(job: Job, state: JobState, change: Change, now: number): Job {
    const { result: _result, usage: _usage, data: _data, took: _took, ...others } = change
    const { attemptEndedAt: _attemptEndedAt, answer: _answer, ...fields } = others
    const ended = hasEnded(state) ? { finishedAt: now, expiresAt: now + job.retentionMs } : undefined
    return {
      ...job,
      ...fields,
      ...ended,
      state,
      previousState: job.state,
      version: job.version + 1
    }
  }

  #append(job: Job, type: StateEventType, facts: Change['data'], now: number): JobEvent {
    const data = { state: job.state, previous_state: job.previousState, ...facts }
    return this.#events.append(job, type, data, now)
  }
}

/** The job as each of the events leaves it, which change nothing of it but their number. */
function announcing(job: Job, events: readonly JobEvent[]): Announcement[] {
  return events.map(event => ({ event, job: { ...job, eventSeq: event.seq } }))
}

/** What the story of a job needs at this event: until when it must wait, and what went wrong. */
function factsOf(job: Job, now: number, error?: JobError | null): Record<string, unknown> {
  const waits = job.state === 'queued' && job.availableAt > now
  return {
    ...(waits && { available_at: new Date(job.availableAt).toISOString() }),
    ...(error && { error_code: error.code })
  }
}
