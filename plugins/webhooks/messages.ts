/** What is told of an event: `{type, timestamp, data}` as Standard Webhooks has it, of 32 KiB at most. */
import type { Database, Statement } from 'better-sqlite3'
import { isEnd, type StateEvent } from '../../core/jobs/events.ts'
import { newId } from '../../core/jobs/ids.ts'
import type { Job } from '../../core/jobs/job.ts'
import { hasEnded, type JobState } from '../../core/jobs/states.ts'
import type { JobObjects } from '../jobs/job-object.ts'
import type { Message } from './outbox.ts'

/** Results up to this size are told. */
const longestResultBytes = 16 * 1024
/** No message is longer, whatever its job has. */
export const longestBodyBytes = 32 * 1024

type Data = Record<string, unknown>

/** Left out of a message that is too long, one after another; named in `data.omitted`. */
const expendable: Readonly<Record<string, unknown>> = { result: null, metadata: {}, error: null }

/** Makes the messages of one database. */
export class Messages {
  readonly #objects: JobObjects
  readonly #states: Statement

  constructor(db: Database, objects: JobObjects) {
    this.#objects = objects
    this.#states = db
      .prepare("SELECT count(*) FROM event WHERE job_seq = ? AND seq <= ? AND type NOT LIKE 'job.output%'")
      .pluck()
  }

  /** That of an event of a job, and the job as the event left it. */
  ofJob(event: StateEvent, job: Job): Message {
    const then = job.eventSeq === event.seq ? job : this.#jobAt(event, job)
    const object = this.#objects.of(then, { result: longestResultBytes, forecast: null })
    const isCut = object.result === null && object.artifacts.length > 0
    const data = isCut ? { ...object, omitted: ['result'] } : object
    const { id, type, createdAt: at } = event
    return {
      ...{ id, type, at, isEnd: isEnd(event), job: { seq: job.seq, id: job.id } },
      body: bodyOf(type, at, data)
    }
  }

  /**
   * Later events have changed it since: what they set is not there yet. What they took the place of is not known any more,
   * and left out: the begin and the error of an attempt before the last.
   */
  #jobAt({ seq, attempt, createdAt, data }: StateEvent, job: Job): Job {
    const state = data.state as JobState
    const ended = hasEnded(state)
    const waitsUntil = data.available_at as string | undefined
    return {
      ...job,
      state,
      previousState: (data.previous_state as JobState | null) ?? null,
      version: this.#states.get(job.seq, seq) as number,
      eventSeq: seq,
      attempt,
      availableAt: waitsUntil === undefined ? Math.min(job.availableAt, createdAt) : Date.parse(waitsUntil),
      startedAt: attempt > 0 && attempt === job.attempt ? job.startedAt : null,
      firstTokenAt: state === 'working' || ended ? job.firstTokenAt : null,
      finishedAt: ended ? job.finishedAt : null,
      expiresAt: ended ? job.expiresAt : null,
      error: ended || (data.error_code !== undefined && job.error?.attempt === attempt) ? job.error : null
    }
  }
}

/** A message that is about no job. */
export function plainMessage(type: string, data: object, at: number): Message {
  return { id: newId('evt'), type, isEnd: false, at, body: bodyOf(type, at, data as Data) }
}

/** How an endpoint wants it. `source` names this foreman in a CloudEvent. */
export function bodyFor(
  { payload, format }: { payload: 'full' | 'thin'; format: 'standard' | 'cloudevents' },
  message: { readonly eventId: string; readonly jobId: string | null; readonly body: string },
  source: string
): string {
  if (payload === 'full' && format === 'standard') return message.body
  const { type, timestamp, data } = JSON.parse(message.body) as {
    type: string
    timestamp: string
    data: Data
  }
  const shown = payload === 'thin' && message.jobId !== null ? thin(data) : data
  if (format === 'standard') return JSON.stringify({ type, timestamp, data: shown })
  return JSON.stringify({
    ...{ specversion: '1.0', id: message.eventId, source, type: `foreman.${type}` },
    ...(message.jobId !== null && { subject: message.jobId }),
    ...{ time: timestamp, datacontenttype: 'application/json', data: shown }
  })
}

function thin({ id, state, seq, urls }: Data): Data {
  return { id, state, seq, urls }
}

function bodyOf(type: string, at: number, data: Data): string {
  const timestamp = new Date(at).toISOString()
  const text = (shown: Data) => JSON.stringify({ type, timestamp, data: shown })
  let shown = data
  let body = text(shown)
  const omitted = [...((data.omitted as string[] | undefined) ?? [])]
  for (const [name, nothing] of Object.entries(expendable)) {
    if (Buffer.byteLength(body) <= longestBodyBytes - envelopeBytes) return body
    if (!omitted.includes(name)) omitted.push(name)
    shown = { ...shown, [name]: nothing, omitted }
    body = text(shown)
  }
  return body
}

/** What a CloudEvent has around the same data, at most: its source is an address of 2 KiB. */
const envelopeBytes = 3 * 1024
