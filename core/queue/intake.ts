/** Takes new jobs into the store, as long as there is room for them. */
import type { FastifyBaseLogger } from 'fastify'
import type { Caller } from '../access/caller.ts'
import type { DiskUse } from '../database/disk-use.ts'
import { isStorageFailure } from '../database/open.ts'
import { StorageLowError } from '../errors.ts'
import type { QueueDepth } from '../jobs/depth.ts'
import type { Job, NewJob } from '../jobs/job.ts'
import type { Priority } from '../jobs/priority.ts'
import type { Acceptance, JobStore, Place } from '../jobs/store.ts'
import { type CapRules, checkDisk, Headcount } from './caps.ts'
import { workerLane } from './dispatcher.ts'
import type { Forecaster } from './forecast.ts'

/** A job on its way in, and who hands it in: the limits of both the queue and the caller hold. */
export interface Submission extends Omit<NewJob, 'lane'> {
  readonly caller: Caller
}

/** What the intake works with. */
export interface IntakeParts {
  readonly store: JobStore
  readonly depth: QueueDepth
  readonly disk: DiskUse
  readonly log: FastifyBaseLogger
  /** How long a job of each class waits before it is due, ms. */
  readonly patienceMs: Readonly<Record<Priority, number>>
  readonly caps: CapRules
  /** The lane that a job which comes in now belongs to. */
  readonly laneOf: (job: Submission) => string
}

/** The way in, for attached and durable jobs alike. */
export class Intake {
  readonly #parts: IntakeParts
  readonly #forecaster: Pick<Forecaster, 'estimates' | 'ifCameIn'>

  constructor(parts: IntakeParts, forecaster: Pick<Forecaster, 'estimates' | 'ifCameIn'>) {
    this.#parts = parts
    this.#forecaster = forecaster
  }

  /**
   * Stores jobs, all or none, each with its place in the order of its runner.
   * @throws {QueueFullError} {QueueQuotaExceededError} {StorageLowError}, and what their caller throws where it counts them
   */
  accept(jobs: readonly Submission[]): Job[] {
    const { store, disk, caps } = this.#parts
    const headcount = this.#headcount()
    for (const job of jobs) headcount.add(job)
    return this.#storing(() => {
      if (jobs.some(job => !job.attached)) checkDisk(disk, caps)
      return store.accept(this.#places(jobs))
    })
  }

  /** Stores durable jobs, each for itself, in one commit; those that are too many are refused, the last first. */
  acceptEach(jobs: readonly Submission[]): Acceptance[] {
    const headcount = this.#headcount()
    const refusals = jobs.map(job => refusalOf(() => headcount.add(job)))
    const outcomes = this.#storeEach(jobs.filter((_, index) => refusals[index] === undefined)).values()
    return refusals.map(refusal => refusal ?? outcomes.next().value!)
  }

  #headcount(): Headcount {
    const { depth, caps, patienceMs } = this.#parts
    return new Headcount(depth, caps, ({ priority, runner }) => {
      return this.#forecaster.ifCameIn(priority, patienceMs[priority], runner).p50Ms
    })
  }

  #storeEach(jobs: readonly Submission[]): Acceptance[] {
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

  #places(jobs: readonly Submission[]): Place[] {
    const { patienceMs, laneOf } = this.#parts
    const now = Date.now()
    const lanes = jobs.map(laneOf)
    const newcomers = jobs.map(({ runner, priority, attached, availableAt = now }, index) => {
      const dueAt = availableAt + patienceMs[priority]
      // Only the worker's schedule is foretold.
      return { runner, priority, attached: attached || lanes[index] !== workerLane, availableAt, dueAt }
    })
    const estimates = this.#forecaster.estimates(newcomers)
    return jobs.map(({ caller: _caller, ...job }, index) => {
      const { dueAt } = newcomers[index]!
      return { job: { ...job, lane: lanes[index]! }, dueAt, estimate: estimates[index] }
    })
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

function refusalOf(add: () => void): { readonly error: unknown } | undefined {
  try {
    add()
    return undefined
  } catch (error) {
    return { error }
  }
}
