/** Ends queued jobs whose time to start has passed: `expired` when no attempt ever ran, else `failed`. */
import { type ForemanError, StartTimeoutError } from '../errors.ts'
import type { Job } from '../jobs/job.ts'
import type { JobStore } from '../jobs/store.ts'
import type { WaitingJobs } from '../jobs/waiting.ts'
import { Alarm } from './alarm.ts'
import { toJobError } from './failure.ts'

const tryAgainMs = 1000

/** Watches the start limits of all queued jobs with one timer. */
export class StartLimits {
  readonly #store: JobStore
  readonly #waiting: WaitingJobs
  readonly #ended: (job: Job, error: ForemanError) => void
  readonly #onError: (err: unknown) => void
  readonly #alarm: Alarm

  /** `ended` is told of every job that was ended here, `onError` why one could not be: a full disk, say. */
  constructor(
    store: JobStore,
    waiting: WaitingJobs,
    ended: (job: Job, error: ForemanError) => void,
    onError: (err: unknown) => void
  ) {
    this.#store = store
    this.#waiting = waiting
    this.#ended = ended
    this.#onError = onError
    this.#alarm = new Alarm(() => this.#endOverdue())
  }

  /** Begins with the limits that are in the store. */
  start(): void {
    this.#endOverdue()
  }

  stop(): void {
    this.#alarm.set(undefined)
  }

  /** A job was accepted or went back to the queue. */
  watch(job: Job): void {
    if (job.startBy !== null) this.#alarm.setEarlier(job.startBy)
  }

  #endOverdue(): void {
    try {
      for (const job of this.#waiting.startOverdue(Date.now())) this.#end(job)
      this.#alarm.set(this.#waiting.nextStartBy())
    } catch (err) {
      this.#onError(err)
      this.#alarm.set(Date.now() + tryAgainMs)
    }
  }

  #end(job: Job): void {
    const error = new StartTimeoutError(new Date(job.startBy!).toISOString())
    const state = job.attempt === 0 ? 'expired' : 'failed'
    this.#ended(this.#store.move(job, state, { error: toJobError(error, job.attempt) }), error)
  }
}
