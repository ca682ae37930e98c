/** What an attempt means for its delivery: a decision on facts alone. */
import type { Answer } from './egress/sender.ts'

/** States that are stored. One that is under way is known in memory, and still what it was before. */
export type DeliveryState =
  | 'pending'
  | 'retrying'
  | 'delivered'
  | 'exhausted'
  | 'superseded'
  | 'held'
  | 'refused'

/** Why a delivery is over, where its state alone does not tell. */
export type Reason =
  | 'attempts_used'
  | 'gone'
  | 'job_removed'
  | 'endpoint_removed'
  | 'endpoint_disabled'
  | 'hold_expired'
  | 'secret_lost'

/** What becomes of a delivery. */
export interface Verdict {
  readonly state: DeliveryState
  readonly reason?: Reason
  /** When it is tried again, ms since 1970. */
  readonly dueAt?: number
}

/** What is known of the delivery that was tried. */
export interface Tried {
  /** Attempts since it was last begun, this one included. */
  readonly tries: number
  /** It is tried once alone: a test. */
  readonly once: boolean
  /** The job has ended since, and that is told by another delivery. */
  readonly isOvertaken: boolean
}

/** Waits after the first, second, … failed attempt, in ms. */
export type RetrySchedule = readonly number[]

/** How far a wait may be off, as a part of it: receivers that were away are not all called at once. */
const jitter = 0.2

/** Judges. A receiver that asks for more time gets it. */
export function judge(
  { outcome, retryAfterMs }: Pick<Answer, 'outcome' | 'retryAfterMs'>,
  { tries, once, isOvertaken }: Tried,
  schedule: RetrySchedule,
  now: number
): Verdict {
  if (outcome === '2xx') return { state: 'delivered' }
  if (outcome === 'ssrf_blocked') return { state: 'refused' }
  if (outcome === '410') return { state: 'exhausted', reason: 'gone' }
  if (isOvertaken) return { state: 'superseded' }
  const waitMs = once ? undefined : schedule[tries - 1]
  if (waitMs === undefined) return { state: 'exhausted', reason: 'attempts_used' }
  return { state: 'retrying', dueAt: now + Math.max(jittered(waitMs), retryAfterMs ?? 0) }
}

function jittered(ms: number): number {
  return Math.round(ms * (1 + jitter * (2 * Math.random() - 1)))
}
