/**
 * foreman's queue on a simulated clock: the real dispatcher with all it holds, the real job store and the real
 * waiting jobs on a real SQLite database. Simulated are the clock, the target and the callers only, so that
 * hours of work pass in a moment and the same input always gives the same story.
 *
 * Times are whole ms from the start. What happens at the very instant at which the worker looks again counts first.
 */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import Database from 'better-sqlite3'
import { migrate } from '../../core/database/migrate.ts'
import { type ForemanError, isForemanError, TargetFailedError } from '../../core/errors.ts'
import { QueueDepth } from '../../core/jobs/depth.ts'
import { JobBus } from '../../core/jobs/events.ts'
import type { Job } from '../../core/jobs/job.ts'
import type { Priority } from '../../core/jobs/priority.ts'
import type { StartEstimates } from '../../core/jobs/start-estimates.ts'
import { JobStore } from '../../core/jobs/store.ts'
import { WaitingJobs } from '../../core/jobs/waiting.ts'
import { Dispatcher, workerLane } from '../../core/queue/dispatcher.ts'
import { backoffMs, mayRetry, toJobError } from '../../core/queue/failure.ts'
import { Forecaster } from '../../core/queue/forecast.ts'
import type { JobQueueParts } from '../../core/queue/job-queue.ts'
import { queueRules } from '../../core/queue/rules.ts'
import type { SwapLedger } from '../../core/queue/swap-ledger.ts'
import type { Assignment } from '../../core/queue/worker.ts'
import { loadSettings } from '../../core/settings.ts'
import { Agenda } from './agenda.ts'
import { SimulatedTarget, type TargetFacts } from './simulated-target.ts'

/** The part of the queue's rules that the schedule follows. */
export type Rules = Pick<JobQueueParts, 'rules' | 'retry' | 'patienceMs'>

/** One call of a caller. */
export interface Call {
  readonly runner: string
  readonly priority: Priority
  /** Time the target works for it. */
  readonly workMs: number
  /** Not before this time. */
  readonly notBefore?: number
  /** The caller gives up this long after the call if it has no answer yet; never when left out. */
  readonly patientForMs?: number
  /** How many of its attempts fail before one succeeds; a call that cannot be tried again fails with the first. */
  readonly failures?: number
  /** Whether an attempt that fails takes the runner out of the target's memory. */
  readonly crashes?: boolean
  /** The caller holds the connection: no second attempt, and told at once where the load fails. */
  readonly attached?: boolean
}

/** What became of a call. Times as on the simulated clock. */
export interface CallRecord {
  readonly call: Call
  readonly arrivedAt: number
  /** When work on it began for the last time. */
  startedAt: number | undefined
  job: Job
}

/** One swap. */
export interface Load {
  readonly runner: string
  readonly startedAt: number
  readonly ms: number
  readonly loaded: boolean
}

interface SimulationEvents {
  /** A job was given out. */
  took: [assignment: Assignment]
  /** The swap for it is over. */
  swapped: [load: Load]
  /** The attempt is over; its runner is not loaded, or has gone with it. */
  ran: [job: Job, lost: boolean]
  /** Nothing was given out; the dispatcher wants to be asked again at this time. */
  idles: [askedFor: number]
}

/** The rules that hold without any setting, with pauses that are not random. */
export function defaultRules(): Rules {
  const { rules, retry, patienceMs } = queueRules(loadSettings({ env: {}, cwd: import.meta.dirname }))
  return { rules, retry: { ...retry, jitter: 0 }, patienceMs }
}

/** One run: set calls, `run`, read what became of them, dispose. */
export class Simulation extends EventEmitter<SimulationEvents> {
  readonly agenda = new Agenda()
  readonly bus = new JobBus()
  readonly records: CallRecord[] = []
  readonly loads: Load[] = []
  readonly rules: Rules
  readonly #db = new Database(':memory:')
  readonly #store: JobStore
  readonly #target: SimulatedTarget
  readonly #dispatcher: Dispatcher
  readonly #byJob = new Map<string, CallRecord>()
  readonly #onEnd = new Map<string, () => void>()
  /** Only in a simulation that {@link foretells}. */
  #forecaster: Forecaster | undefined
  #wakeAt = Number.POSITIVE_INFINITY
  /** The running job while its runner is being loaded: its caller may still leave. */
  #loading: Job | undefined

  constructor(facts: TargetFacts, rules: Rules = defaultRules()) {
    super()
    migrate(this.#db)
    const now = () => this.agenda.now
    this.rules = rules
    this.#store = new JobStore(this.#db, this.bus, { now })
    this.#target = new SimulatedTarget(this.agenda, facts)
    this.#dispatcher = new Dispatcher({
      ...{ db: this.#db, store: this.#store, rules: rules.rules, retry: rules.retry, now },
      waiting: new WaitingJobs(this.#db),
      loader: this.#target,
      isUp: () => true,
      markDown: err => {
        throw err
      },
      wakeAt: at => {
        this.#wakeAt = at ?? Number.POSITIVE_INFINITY
      },
      wake: () => this.#target.lookedAt(),
      loadFailed: (runner, error) => this.#failAttached(runner, error),
      swapped: () => {},
      log: { warn: () => {} }
    })
    this.bus.on('event', (_event, job) => this.#follow(job))
  }

  /** What loading came to, by foreman's own account. */
  get ledger(): SwapLedger {
    return this.#dispatcher.ledger
  }

  /** From now on the start of each job that comes in is foretold, and how that came true recorded. */
  foretells(): { forecaster: Forecaster; estimates: StartEstimates } {
    const { estimates } = this.#store
    const forecaster = new Forecaster({
      ...{ dispatcher: this.#dispatcher, depth: new QueueDepth(this.#db, this.bus), bus: this.bus },
      ...{ waiting: new WaitingJobs(this.#db), estimates, now: () => this.agenda.now }
    })
    this.#forecaster = forecaster
    return { forecaster, estimates }
  }

  /** Sets a call for the time `at`; `onEnd` is called when it is over, in whatever way. */
  call(at: number, call: Call, onEnd?: () => void): void {
    this.agenda.at(at, () => this.#arrive(call, onEnd))
  }

  /** Runs until nothing is left to happen, or `stop` says so before a job is given out. */
  async run(stop: () => boolean = () => false): Promise<void> {
    this.#dispatcher.open()
    for (;;) {
      this.agenda.advanceTo(this.agenda.now)
      if (stop()) return
      const assignment = this.#dispatcher.next()
      if (assignment !== undefined) await this.#work(assignment)
      else if (!this.#idle()) return
    }
  }

  /** Every job as the store has it. */
  stored(): Job[] {
    return this.records.map(record => this.#store.get(record.job.id)!)
  }

  /** Closes the database. */
  [Symbol.dispose](): void {
    this.#db.close()
  }

  #arrive(call: Call, onEnd?: () => void): void {
    const { agenda, rules } = this
    const availableAt = call.notBefore ?? agenda.now
    const place = { dueAt: availableAt + rules.patienceMs[call.priority], job: newJob(call) }
    const [estimate] = this.#forecaster?.estimates([{ ...place.job, ...place, availableAt }]) ?? []
    const [job] = this.#store.accept([{ ...place, estimate }])
    const record = { call, arrivedAt: agenda.now, startedAt: undefined, job: job! }
    this.records.push(record)
    this.#byJob.set(job!.id, record)
    if (onEnd !== undefined) this.#onEnd.set(job!.id, onEnd)
    this.#dispatcher.arrived(job!, undefined)
    if (call.patientForMs !== undefined) agenda.at(agenda.now + call.patientForMs, () => this.#leave(record))
  }

  // As the queue does it: a queued job ends at once, and so does one whose runner is being loaded.
  #leave(record: CallRecord): void {
    if (record.job.state === 'queued') this.#store.move(record.job, 'canceled')
    if (record.job.id !== this.#loading?.id) return
    this.#loading = undefined
    this.#store.move(this.#store.move(record.job, 'canceling'), 'canceled')
  }

  #follow(job: Job): void {
    const record = this.#byJob.get(job.id)
    if (record === undefined) return
    record.job = job
    if (job.finishedAt !== null) this.#onEnd.get(job.id)?.()
  }

  #failAttached(runner: string, error: ForemanError): void {
    for (const { job } of this.records) {
      if (job.state !== 'queued' || job.runner !== runner || !job.attached) continue
      this.#store.move(job, 'failed', { error: toJobError(error, job.attempt) })
    }
  }

  /** @returns whether anything can still happen */
  #idle(): boolean {
    this.emit('idles', this.#wakeAt)
    const next = Math.min(Math.ceil(this.#wakeAt), this.agenda.nextAt)
    if (next === Number.POSITIVE_INFINITY) return false
    this.agenda.advanceTo(next)
    return true
  }

  async #work(assignment: Assignment): Promise<void> {
    this.emit('took', assignment)
    const record = this.#byJob.get(assignment.id)!
    if (!assignment.swap || (await this.#load(record))) this.#compute(record)
    this.#dispatcher.ran(record.job)
    await this.#target.looked()
    this.emit('ran', record.job, !this.#target.has(record.job.runner))
  }

  /** @returns whether the job may go on to the target */
  async #load(record: CallRecord): Promise<boolean> {
    const { runner } = record.job
    const startedAt = this.agenda.now
    this.#loading = record.job
    let error: ForemanError | undefined
    try {
      await this.#dispatcher.load(record.job, AbortSignal.any([]))
      this.#target.lookedAt()
    } catch (err) {
      if (!isForemanError(err)) throw err
      error = err
    }
    const here = this.#loading !== undefined
    this.#loading = undefined
    const load = { runner, startedAt, ms: this.agenda.now - startedAt, loaded: error === undefined }
    this.loads.push(load)
    this.emit('swapped', load)
    if (!here) return false
    if (error !== undefined) this.#failed(record, error)
    else this.#store.move(record.job, 'working', { startedAt: this.agenda.now })
    return error === undefined
  }

  #compute(record: CallRecord): void {
    const { call, job } = record
    assert.ok(this.#target.has(job.runner), `${job.id} begins although ${job.runner} is not loaded`)
    record.startedAt = this.agenda.now
    this.agenda.advanceTo(this.agenda.now + call.workMs)
    if (job.attempt > (call.failures ?? 0)) return void this.#store.move(job, 'done')
    if (call.crashes === true) this.#target.drop(job.runner)
    this.#failed(record, new TargetFailedError('no answer'))
  }

  #failed({ job }: CallRecord, error: ForemanError): void {
    const facts = { error: toJobError(error, job.attempt) }
    if (!mayRetry(job, error)) return void this.#store.move(job, 'failed', facts)
    const availableAt = this.agenda.now + backoffMs(job.attempt, this.rules.retry)
    this.#store.move(job, 'queued', { ...facts, availableAt })
  }
}

function newJob(call: Call) {
  return {
    owner: 'somebody',
    lane: workerLane,
    kind: 'generate' as const,
    model: call.runner,
    runner: call.runner,
    priority: call.priority,
    attached: call.attached ?? false,
    maxAttempts: 5,
    availableAt: call.notBefore,
    runTimeoutMs: Number.MAX_SAFE_INTEGER,
    retentionMs: 0
  }
}
