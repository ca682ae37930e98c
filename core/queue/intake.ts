/** Takes new jobs into the store, as long as the queue has room for them. */
import type { FastifyBaseLogger } from 'fastify'
import { isStorageFailure } from '../database/open.ts'
import { QueueFullError, StorageLowError } from '../errors.ts'
import type { QueueDepth } from '../jobs/depth.ts'
import type { Job, NewJob } from '../jobs/job.ts'
import type { Priority } from '../jobs/priority.ts'
import type { JobStore } from '../jobs/store.ts'

/** What the intake works with. */
export interface IntakeParts {
  readonly store: JobStore
  readonly depth: QueueDepth
  readonly log: FastifyBaseLogger
  /** How long a job of each class waits before it is due, ms. */
  readonly patienceMs: Readonly<Record<Priority, number>>
  /** Most jobs that may be queued (`queue.max_queued`). */
  readonly maxQueued: number
}

/** The way in, for attached and durable jobs alike. */
export class Intake {
  readonly #parts: IntakeParts

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /**
   * Stores jobs, all or none, each with its place in the order of its runner.
   * @throws {QueueFullError} {StorageLowError}
   */
  accept(jobs: readonly NewJob[]): Job[] {
    const { store, depth, log, patienceMs, maxQueued } = this.#parts
    if (depth.total + jobs.length > maxQueued) throw new QueueFullError(maxQueued)
    const now = Date.now()
    const places = jobs.map(job => ({ job, dueAt: (job.availableAt ?? now) + patienceMs[job.priority] }))
    try {
      return store.accept(places)
    } catch (err) {
      if (!isStorageFailure(err)) throw err
      log.error({ err }, 'a job cannot be stored')
      throw new StorageLowError({ cause: err })
    }
  }
}
