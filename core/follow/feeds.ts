/** What can be followed: the events of one job, or those of all jobs that a caller may see. */
import { type Caller, sees } from '../access/caller.ts'
import { mayUse } from '../access/limits.ts'
import { isEnd, type JobEvent, type JobEventType } from '../jobs/events.ts'
import type { Job } from '../jobs/job.ts'
import type { LiveEvent } from './live-event.ts'
import type { SharedLog } from './shared-log.ts'

/** Some events of a feed. `upTo`: everything up to this place was looked at; undefined where that was all there is. */
export interface Page {
  readonly events: readonly JobEvent[]
  readonly upTo: number | undefined
}

/** What a follower has missed for good. Places are of its feed. */
export interface Gap {
  /** The first event that is there. */
  readonly oldestSeq: number
  /** The snapshot from which on the text comes anew; null where no text was folded up. */
  readonly snapshotSeq: number | null
}

/** Events in an order of their own. */
export interface Feed {
  /** The job that is followed; undefined for all of them. */
  readonly jobId: string | undefined
  /** The jobs that it is narrowed to; undefined where it is not. */
  readonly jobIds?: ReadonlySet<string> | undefined
  /** Its events behind `after`, `limit` at most. */
  read(after: number, limit: number): Page
  /** Whether an event belongs to it. */
  has(event: JobEvent): boolean
  /** The same of an event that is not stored. */
  hasLive(event: LiveEvent): boolean
  placeOf(event: JobEvent): number
  /** Whether nothing can follow the event. */
  isLast(event: JobEvent): boolean
  /** Whether what it tells of was removed, so that nothing comes any more. */
  isGone(): boolean
}

/** The events of one job, by their `seq`. */
export class JobFeed implements Feed {
  readonly jobId: string
  readonly #log: SharedLog
  readonly #job: Job

  constructor(log: SharedLog, job: Job) {
    this.#log = log
    this.#job = job
    this.jobId = job.id
  }

  read(after: number, limit: number): Page {
    const events = this.#log.after(this.#job, after, limit)
    return { events, upTo: events.length < limit ? undefined : events.at(-1)!.seq }
  }

  has({ jobId }: JobEvent): boolean {
    return jobId === this.jobId
  }

  hasLive({ jobId }: LiveEvent): boolean {
    return jobId === this.jobId
  }

  placeOf({ seq }: JobEvent): number {
    return seq
  }

  isLast(event: JobEvent): boolean {
    return isEnd(event)
  }

  isGone(): boolean {
    return !this.#log.has(this.#job)
  }
}

/** Which events of all jobs are wanted; what is left out is not narrowed. */
export interface Filter {
  readonly types?: ReadonlySet<string>
  readonly jobIds?: ReadonlySet<string>
}

const outputTypes: readonly JobEventType[] = ['job.output', 'job.output_snapshot']

/** The events of all jobs that a caller may see, by their place among all. */
export class CallerFeed implements Feed {
  readonly jobId = undefined
  readonly #log: SharedLog
  readonly #caller: Caller
  readonly #filter: Filter
  readonly #wantsTexts: boolean

  constructor(log: SharedLog, caller: Caller, filter: Filter = {}) {
    this.#log = log
    this.#caller = caller
    this.#filter = filter
    const { types } = filter
    this.#wantsTexts = types === undefined || outputTypes.some(type => types.has(type))
  }

  read(after: number, limit: number): Page {
    const looked = this.#log.ofAll(after, limit, this.#wantsTexts)
    return {
      events: looked.filter(event => this.has(event)),
      upTo: looked.length < limit ? undefined : looked.at(-1)!.n
    }
  }

  has(event: JobEvent): boolean {
    const { types, jobIds } = this.#filter
    return sees(this.#caller, event) && types?.has(event.type) !== false && jobIds?.has(event.jobId) !== false
  }

  // Jobs that were named are wanted, and nothing else.
  hasLive({ type, jobId, owner, data }: LiveEvent): boolean {
    const { types, jobIds } = this.#filter
    if (types?.has(type) === false) return false
    if (jobId === undefined || owner === undefined) return jobIds === undefined && this.#seesModel(data.model)
    return sees(this.#caller, { owner }) && jobIds?.has(jobId) !== false
  }

  /** The jobs that were named; undefined where all are wanted. */
  get jobIds(): ReadonlySet<string> | undefined {
    return this.#filter.jobIds
  }

  // What `GET /models` would show.
  #seesModel(model: unknown): boolean {
    const isOfCaller = typeof model !== 'string' || mayUse(this.#caller, model)
    return this.#caller.scopes.has('models:read') && isOfCaller
  }

  placeOf({ n }: JobEvent): number {
    return n
  }

  isLast(): boolean {
    return false
  }

  isGone(): boolean {
    return false
  }
}
