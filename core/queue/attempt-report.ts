/** What is told of an attempt when it is over: how it ended, and what it took by foreman's clock and by the target's. */
import type { Job } from '../jobs/job.ts'
import type { Figures } from '../target/figures.ts'
import type { Relay } from './relay.ts'

/** How it ended. `timeout`: a limit of foreman's was broken. `fatal`: another attempt would not help. */
export type AttemptResult = 'success' | 'retryable' | 'fatal' | 'timeout' | 'canceled'

/** One attempt. Times in ms, of a clock that never goes back. */
export interface AttemptReport {
  /** As the attempt left it. */
  readonly job: Job
  readonly result: AttemptResult
  /** Whether its runner had to be loaded first. */
  readonly cold: boolean
  /** What the target was at work for; undefined where it did not come to that. */
  readonly work?: AttemptWork
}

/** The part of an attempt in which the target was called. */
export interface AttemptWork {
  /** From the request to the end of the answer. */
  readonly tookMs: number
  /** Whether the answer came in pieces. */
  readonly streams: boolean
  /** From the request to the first byte of the answer, and to the last; undefined where none came. */
  readonly firstByteMs?: number
  readonly lastByteMs?: number
  /** The target's own numbers, as far as it told them. */
  readonly figures?: Figures
}

const limits: ReadonlySet<string> = new Set(['run_timeout', 'stalled', 'load_timeout'])

/** The report of an attempt of `before` that left the job as `after`; undefined where it does not count as one. */
export function attemptReport(
  before: Job,
  after: Job,
  cold: boolean,
  relay: Relay | undefined
): AttemptReport | undefined {
  if (after.attempt < before.attempt) return undefined
  return { job: after, result: resultOf(after), cold, work: relay?.work() }
}

function resultOf({ state, error }: Job): AttemptResult {
  if (state === 'done') return 'success'
  if (state === 'canceled' || error === null) return 'canceled'
  if (limits.has(error.code)) return 'timeout'
  return error.retryable ? 'retryable' : 'fatal'
}
