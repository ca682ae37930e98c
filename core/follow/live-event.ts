/** What followers are told and nobody keeps: it has no place in the log, and whoever misses it has missed nothing. */
import type { TargetEventType } from '../target/target-events.ts'

/**
 * `queue.position`: where a queued job stands. `job.progress`: how far a working one is. The others tell of the target
 * and its models, and belong to no job.
 */
export type LiveEventType = 'queue.position' | 'job.progress' | TargetEventType

/** One of them. */
export interface LiveEvent {
  readonly type: LiveEventType
  /** The job that it is about, where it is about one; then there are its owner and its attempt too. */
  readonly jobId?: string
  readonly owner?: string
  readonly attempt?: number
  /** ms since 1970. */
  readonly createdAt: number
  /** As it goes on the wire. */
  readonly data: Readonly<Record<string, unknown>>
}
