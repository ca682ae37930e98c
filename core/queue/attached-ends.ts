/** Ends waiting jobs whose caller holds the connection, and tells the caller why. */
import type { FastifyBaseLogger } from 'fastify'
import { type ForemanError, InterruptedError } from '../errors.ts'
import type { Job } from '../jobs/job.ts'
import type { JobStore } from '../jobs/store.ts'
import type { AttachedCalls } from './answer.ts'
import { toJobError } from './failure.ts'

/** Only queued jobs are ended here: the running one is the worker's. */
export class AttachedEnds {
  readonly #store: JobStore
  readonly #attached: AttachedCalls
  readonly #log: FastifyBaseLogger

  constructor(parts: { store: JobStore; attached: AttachedCalls; log: FastifyBaseLogger }) {
    this.#store = parts.store
    this.#attached = parts.attached
    this.#log = parts.log
  }

  /** The job has ended without an answer: its caller, where it has one, hears of it. */
  tell(job: Job, error: ForemanError): void {
    this.#attached.release(job.id)?.sink.fail(error)
  }

  /** Fails all that wait for `runner`. */
  failRunner(runner: string, error: ForemanError): void {
    for (const job of this.#waiting()) {
      if (job.runner !== runner) continue
      this.tell(this.#store.move(job, 'failed', { error: toJobError(error, job.attempt) }), error)
    }
  }

  /** Fails all of them because foreman stops. */
  interruptAll(): void {
    for (const job of this.#waiting()) this.#interrupt(job)
  }

  #waiting(): Job[] {
    const jobs = this.#attached.ids().map(id => this.#store.get(id))
    return jobs.filter(job => job?.state === 'queued') as Job[]
  }

  #interrupt(job: Job): void {
    const error = new InterruptedError()
    try {
      this.#store.move(job, 'failed', { error: toJobError(error, job.attempt) })
    } catch (err) {
      // A full disk must not keep the caller waiting: the next start puts the job right.
      this.#log.error({ err, jobId: job.id }, 'the end of a job cannot be stored')
    }
    this.tell(job, error)
  }
}
