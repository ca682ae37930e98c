/** The events of a job. Source: docs/http-api.md of foreman, "Events". */
import type { Job, JobState, Open } from './types.ts'

/** A piece of an answer, and the place where it belongs. */
export interface OutputPiece {
  text: string
  /** Unicode code points of its channel and index before it. */
  offset: number
  channel: Open<'content' | 'thinking' | 'tool_call'>
  /** Tells calls of tools apart. */
  index: number
}

/** An event that is stored: whoever is cut off hears of it when it comes back. */
export interface StoredEvent<Type extends string, Data> {
  type: Type
  /** The same in every stream, page and webhook. */
  id: string
  job_id: string
  /** Counts from 1 without a gap. */
  seq: number
  attempt: number
  created_at: string
  data: Data
}

/** What is told to who keeps up, and to nobody later. */
export interface LiveEvent<Type extends string, Data> {
  type: Type
  /** Never there: it says how things stand now and is not stored. */
  seq?: undefined
  job_id?: string
  created_at: string
  data: Data
}

/** A job has gone on. */
export type StateEvent = StoredEvent<
  'job.queued' | 'job.loading' | 'job.working' | 'job.retrying' | 'job.canceling',
  { state: JobState; previous_state: JobState | null; available_at?: string; error_code?: string }
>
/** A job has ended: its object, `result` included up to 16 KiB. */
export type EndEvent = StoredEvent<'job.done' | 'job.failed' | 'job.canceled' | 'job.expired', Job>
/** Text came; as a snapshot, all of it from its beginning. */
export type OutputEvent = StoredEvent<'job.output' | 'job.output_snapshot', OutputPiece>
/** The text so far is void. */
export type ResetEvent = StoredEvent<'job.output_reset', { attempt: number }>
/** Something before the next event is missing for good; where it was text, that comes anew from its beginning. */
export type GapEvent = {
  type: 'stream.gap'
  seq?: undefined
  data: { oldest_seq: number | null; snapshot_seq: number | null }
}
/** Where a job stands in the queue. */
export type PositionEvent = LiveEvent<
  'queue.position',
  { position: number; estimated_start_at: string | null }
>
/** How far a job is. */
export type ProgressEvent = LiveEvent<
  'job.progress',
  { tokens?: number; tokens_per_s?: number | null; done?: number; total?: number }
>

/** What this version knows. */
export type KnownEvent =
  | StateEvent
  | EndEvent
  | OutputEvent
  | ResetEvent
  | GapEvent
  | PositionEvent
  | ProgressEvent

/** What following a job gives. A newer foreman may send further types: take those you know by {@link isKnown}. */
export type JobEvent = KnownEvent | UnknownEvent

/** A type that only a newer foreman knows. */
export interface UnknownEvent {
  type: string
  seq?: number
  data: unknown
  [field: string]: unknown
}

const ends: ReadonlySet<string> = new Set(['job.done', 'job.failed', 'job.canceled', 'job.expired'])
const known: ReadonlySet<string> = new Set([
  ...ends,
  ...['job.queued', 'job.loading', 'job.working', 'job.retrying', 'job.canceling'],
  ...['job.output', 'job.output_snapshot', 'job.output_reset'],
  ...['stream.gap', 'queue.position', 'job.progress']
])

/** Whether this version knows the type, so that `switch (event.type)` tells what is in it. */
export function isKnown(event: JobEvent): event is KnownEvent {
  return known.has(event.type)
}

/** Whether it is the last event of a job. */
export function isEnd(event: JobEvent): event is EndEvent {
  return ends.has(event.type)
}
