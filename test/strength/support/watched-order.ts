/**
 * Follows every job of a foreman by its bus and holds each choice of the worker against the schedule's rules: one job
 * at a time, within a runner the earliest due first. How long claims waited is kept, to be held against ADR 0009.
 */
import type { FastifyInstance } from 'fastify'
import type { Job } from '../../../core/jobs/job.ts'
import { hasEnded } from '../../../core/jobs/states.ts'

/** A job that came back to the queue. */
export interface Return {
  readonly id: string
  /** ms since 1970. */
  readonly at: number
  /** What it was in. */
  readonly from: 'loading' | 'working'
  /** Whether that used up an attempt. */
  readonly charged: boolean
}

/** A runner that was given the worker, and how long it had had a claim by then. */
export interface Claim {
  readonly from: number
  readonly to: number
}

/** What is told of every job from its making on. */
export class WatchedOrder {
  readonly returns: Return[] = []
  readonly claims: Claim[] = []
  /** Rules that were broken, in words: a listener must not throw. */
  readonly faults: string[] = []
  readonly #queued = new Map<string, Job>()
  readonly #running = new Map<string, number>()
  /** When each runner had the worker for the last time. */
  readonly #servedAt = new Map<string, number>()

  constructor(app: FastifyInstance) {
    app.jobEvents.on('event', (_event, job) => this.#moved(job))
  }

  /** Jobs that have not ended. */
  get open(): number {
    return this.#queued.size + this.#running.size
  }

  #moved(job: Job): void {
    const before = this.#running.get(job.id)
    this.#queued.delete(job.id)
    if (job.state === 'loading' || job.state === 'working') return this.#taken(job, before)
    this.#running.delete(job.id)
    if (before !== undefined) this.#servedAt.set(job.runner, Date.now())
    if (hasEnded(job.state)) return
    this.#queued.set(job.id, job)
    if (before === undefined) return
    const from = job.previousState as Return['from']
    this.returns.push({ id: job.id, at: Date.now(), from, charged: job.attempt === before })
  }

  #taken(job: Job, attempt: number | undefined): void {
    this.#running.set(job.id, job.attempt)
    if (this.#running.size > 1) this.faults.push(`${[...this.#running.keys()]} run at once`)
    if (attempt !== undefined) return
    const now = job.startedAt!
    const own = [...this.#queued.values()].filter(({ runner }) => runner === job.runner)
    const first = Math.min(...own.filter(({ availableAt }) => availableAt <= now).map(({ dueAt }) => dueAt))
    if (job.dueAt > first) this.faults.push(`${job.id}, due at ${job.dueAt}, ran before one due at ${first}`)
    if (job.state !== 'loading') return
    const from = Math.max(job.dueAt, job.availableAt, this.#servedAt.get(job.runner) ?? 0)
    if (from < now) this.claims.push({ from, to: now })
  }
}
