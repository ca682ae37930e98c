/**
 * The event log's live side: every stored event is announced here after its commit, in commit order.
 * All views of a job (waiting callers, streams, webhooks, metrics) listen here or read the log.
 */
import { EventEmitter } from 'node:events'
import type { Job } from './job.ts'

/** The stored types: one a state, `job.retrying` in place of `job.queued` when a job goes back. */
export type JobEventType =
  | 'job.queued'
  | 'job.loading'
  | 'job.working'
  | 'job.retrying'
  | 'job.canceling'
  | 'job.done'
  | 'job.failed'
  | 'job.canceled'
  | 'job.expired'

/** One entry of a job's log. */
export interface JobEvent {
  readonly id: string
  readonly jobId: string
  /** Counts from 1 without a gap, for each job. */
  readonly seq: number
  readonly type: JobEventType
  readonly attempt: number
  readonly createdAt: number
  readonly data: Readonly<Record<string, unknown>>
}

/** A stored event, and the job as that event left it. */
export interface Announcement {
  readonly event: JobEvent
  readonly job: Job
}

/** Announces each event with the job as that event left it. A listener must not throw. */
export class JobBus extends EventEmitter<{ event: [event: JobEvent, job: Job] }> {
  #stored: Announcement[] = []

  constructor() {
    super()
    this.setMaxListeners(0)
  }

  /**
   * Tells all listeners what was committed. An event that a listener causes waits until everybody has heard
   * those before it: its commit was later, so it is announced later.
   */
  announce(stored: readonly Announcement[]): void {
    const announcing = this.#stored.length > 0
    for (const one of stored) this.#stored.push(one)
    if (announcing) return
    try {
      for (const { event, job } of this.#stored) this.emit('event', event, job)
    } finally {
      this.#stored = []
    }
  }
}
