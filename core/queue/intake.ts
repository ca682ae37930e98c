/** Takes new jobs into the store, as long as there is room for them. */
import type { FastifyBaseLogger } from 'fastify'
import type { DiskUse } from '../database/disk-use.ts'
import { isStorageFailure } from '../database/open.ts'
import { StorageLowError } from '../errors.ts'
import type { QueueDepth } from '../jobs/depth.ts'
import type { Job, NewJob } from '../jobs/job.ts'
import type { Priority } from '../jobs/priority.ts'
import type { Acceptance, JobStore, Place } from '../jobs/store.ts'
import { type CapRules, checkDisk, tooMany } from './caps.ts'
import type { Forecaster } from './forecast.ts'

/** What the intake works with. */
export interface IntakeParts {
  readonly store: JobStore
  readonly depth: QueueDepth
  readonly disk: DiskUse
  readonly log: FastifyBaseLogger
  /** How long a job of each class waits before it is due, ms. */
  readonly patienceMs: Readonly<Record<Priority, number>>
  readonly caps: CapRules
}

/** The way in, for attached and durable jobs alike. */
export class Intake {
  readonly #parts: IntakeParts
  readonly #forecaster: Pick<Forecaster, 'estimates'>

  constructor(parts: IntakeParts, forecaster: Pick<Forecaster, 'estimates'>) {
    this.#parts = parts
    this.#forecaster = forecaster
  }

  /**
   * Stores jobs, all or none, each with its place in the order of its runner.
   * @throws {QueueFullError} {StorageLowError}
   */
  accept(jobs: readonly NewJob[]): Job[] {
    const { store, depth, disk, caps } = this.#parts
    if (depth.total + jobs.length > caps.maxQueued) throw tooMany(caps.maxQueued)
    return this.#storing(() => {
      if (jobs.some(job => !job.attached)) checkDisk(disk, caps)
      return store.accept(this.#places(jobs))
    })
  }

  /** Stores durable jobs, each for itself, in one commit; those that are too many are refused, the last first. */
  acceptEach(jobs: readonly NewJob[]): Acceptance[] {
    const { depth, caps } = this.#parts
    const fits = fitting(jobs, caps.maxQueued - depth.total)
    const outcomes = this.#storeEach(jobs.filter((_, index) => fits[index])).values()
    return fits.map(fit => (fit ? outcomes.next().value! : { error: tooMany(caps.maxQueued) }))
  }

  #storeEach(jobs: readonly NewJob[]): Acceptance[] {
    const { store, disk, caps } = this.#parts
    try {
      return this.#storing(() => {
        checkDisk(disk, caps)
        return store.acceptEach(this.#places(jobs))
      })
    } catch (error) {
      return jobs.map(() => ({ error }))
    }
  }

  #places(jobs: readonly NewJob[]): Place[] {
    const { patienceMs } = this.#parts
    const now = Date.now()
    const newcomers = jobs.map(({ runner, priority, attached, availableAt = now }) => {
      return { runner, priority, attached, availableAt, dueAt: availableAt + patienceMs[priority] }
    })
    const estimates = this.#forecaster.estimates(newcomers)
    return jobs.map((job, index) => ({ job, dueAt: newcomers[index]!.dueAt, estimate: estimates[index] }))
  }

  #storing<T>(store: () => T): T {
    try {
      return store()
    } catch (err) {
      if (!isStorageFailure(err)) throw err
      this.#parts.disk.forget()
      this.#parts.log.error({ err }, 'a job cannot be stored')
      throw new StorageLowError({ cause: err })
    }
  }
}

/** Which of the jobs there is room for, in their order. One whose key another of them has makes no job of its own. */
function fitting(jobs: readonly NewJob[], room: number): boolean[] {
  const claimed = new Set<string>()
  let left = room
  return jobs.map(({ owner, idempotency }) => {
    const claim = idempotency && `${owner}\n${idempotency.route}\n${idempotency.key}`
    if (claim !== undefined && claimed.has(claim)) return true
    if (left <= 0) return false
    if (claim !== undefined) claimed.add(claim)
    left -= 1
    return true
  })
}
