/**
 * The event log's live side: every stored event is announced here after its commit, in commit order.
 * All views of a job (waiting callers, streams, webhooks, metrics) listen here or read the log.
 */
import { EventEmitter } from 'node:events'
import type { Job } from './job.ts'
import { hasEnded, type JobState } from './states.ts'

/** The types of a change of state: one a state, `job.retrying` in place of `job.queued` when a job goes back. */
export type StateEventType =
  | 'job.queued'
  | 'job.loading'
  | 'job.working'
  | 'job.retrying'
  | 'job.canceling'
  | 'job.done'
  | 'job.failed'
  | 'job.canceled'
  | 'job.expired'

/**
 * The types that tell of the text of an answer. `job.output` is a piece of it; `job.output_snapshot` the beginning of it
 * in one piece, from when it was folded up; `job.output_reset` says that what came so far is void.
 */
export type OutputEventType = 'job.output' | 'job.output_snapshot' | 'job.output_reset'

/** Every stored type. */
export type JobEventType = StateEventType | OutputEventType

/** One entry of a job's log. */
export interface JobEvent {
  readonly id: string
  readonly jobId: string
  /** Whose job it is. */
  readonly owner: string
  /** Counts from 1 for each job, without a gap as written. */
  readonly seq: number
  /** Its place among the events of all jobs: grows in the order of the commits. 0 for those of before there were places. */
  readonly n: number
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

/** An event that left the job in another state. */
export type StateEvent = JobEvent & { readonly type: StateEventType }

/** Whether the event is a change of state. */
export function isStateEvent(event: JobEvent): event is StateEvent {
  return !event.type.startsWith('job.output')
}

/** Whether it is the last event of its job. */
export function isEnd({ data: { state } }: JobEvent): boolean {
  return typeof state === 'string' && hasEnded(state as JobState)
}

interface Heard {
  /** The job is in another state. */
  event: [event: StateEvent, job: Job]
  /** Anything was stored, changes of state included. */
  stored: [event: JobEvent, job: Job]
  /** More of the job's answer is kept byte for byte; of one that has begun, at least its head. */
  kept: [job: Job]
}

/** Announces each event with the job as that event left it. A listener must not throw. */
export class JobBus extends EventEmitter<Heard> {
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
      for (const { event, job } of this.#stored) {
        if (isStateEvent(event)) this.emit('event', event, job)
        this.emit('stored', event, job)
      }
    } finally {
      this.#stored = []
    }
  }
}
