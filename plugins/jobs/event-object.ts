/** How an event of a job looks on the wire: the same in a page and in every stream. */
import type { FastifyInstance } from 'fastify'
import type { LiveEvent } from '../../core/follow/live-event.ts'
import { isEnd, type JobEvent } from '../../core/jobs/events.ts'
import type { JobObjects } from './job-object.ts'

/** Results up to this size are in the last event of a job. */
const longestResultBytes = 16 * 1024

/** An event as everybody sees it. */
export interface EventObject {
  readonly id: string
  readonly type: string
  readonly job_id: string
  readonly seq: number
  readonly attempt: number
  /** RFC 3339, UTC. */
  readonly created_at: string
  readonly data: Readonly<Record<string, unknown>>
}

/** What is told and not stored: it has no id and no seq. Without `job_id` where it is about the target. */
export interface LiveObject {
  readonly type: string
  readonly job_id?: string
  readonly attempt?: number
  /** RFC 3339, UTC. */
  readonly created_at: string
  readonly data: Readonly<Record<string, unknown>>
}

/** Offered as `app.eventObjects`. */
export interface EventObjects {
  /** The event; the last one of a job with the job object in its `data`, `result` where it has 16 KiB at most. */
  of(event: JobEvent): EventObject
  /** The same as one line of JSON; made once for an event, however many are told of it. */
  textOf(event: JobEvent): string
  /** One that is not stored. */
  liveOf(event: LiveEvent): LiveObject
  /** The same as one line of JSON; made once for an event. */
  liveTextOf(event: LiveEvent): string
}

/** Makes them of what `app` has in its store. */
export function eventObjects(app: Pick<FastifyInstance, 'jobs'>, objects: JobObjects): EventObjects {
  const of = (event: JobEvent): EventObject => {
    const { id, jobId, type, seq, attempt, createdAt, data } = event
    return {
      ...{ id, type, job_id: jobId, seq, attempt, created_at: new Date(createdAt).toISOString() },
      data: { ...data, ...finalJob(app, objects, event) }
    }
  }
  return { of, textOf: madeOnce(of), liveOf, liveTextOf: madeOnce(liveOf) }
}

function liveOf({ type, jobId, attempt, createdAt, data }: LiveEvent): LiveObject {
  const created_at = new Date(createdAt).toISOString()
  return jobId === undefined ? { type, created_at, data } : { type, job_id: jobId, attempt, created_at, data }
}

function madeOnce<Event extends object>(of: (event: Event) => object): (event: Event) => string {
  const texts = new WeakMap<Event, string>()
  return event => {
    const known = texts.get(event) ?? JSON.stringify(of(event))
    texts.set(event, known)
    return known
  }
}

// An ended job never changes again, so what is shown is what it was then. One that was removed has its facts alone.
function finalJob(
  { jobs }: Pick<FastifyInstance, 'jobs'>,
  objects: JobObjects,
  event: JobEvent
): object | undefined {
  if (!isEnd(event)) return undefined
  const job = jobs.get(event.jobId)
  return job && objects.of(job, { result: longestResultBytes })
}
