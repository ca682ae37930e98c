/**
 * What a failure means for its job: which error the user sees, and whether there is another attempt.
 */
import { isStorageFailure } from '../database/open.ts'
import {
  type ForemanError,
  InternalError,
  isForemanError,
  StorageLowError,
  TargetFailedError,
  TargetIncompleteError,
  TargetTruncatedError,
  TargetUnreachableError
} from '../errors.ts'
import type { Job, JobError } from '../jobs/job.ts'
import { TargetError } from '../target/client.ts'
import type { Outcome } from '../target/outcome.ts'

/** How long to wait between attempts. Times in ms. */
export interface RetryRules {
  readonly backoffMs: number
  readonly factor: number
  /** Random part, 0 to 1, in both directions. */
  readonly jitter: number
  readonly capMs: number
}

/** The error of the catalogue for whatever ended a run. */
export function explain(err: unknown): ForemanError {
  if (isForemanError(err)) return err
  if (isStorageFailure(err)) return new StorageLowError({ cause: err })
  if (!(err instanceof TargetError)) return new InternalError({ cause: err })
  if (err.kind === 'refused' || err.kind === 'unreachable')
    return new TargetUnreachableError(err.message, { cause: err })
  if (err.kind === 'reset' || err.kind === 'truncated') return new TargetTruncatedError({ cause: err })
  return new TargetFailedError(err.message, { cause: err })
}

/** The error for an answer that came whole but does not complete the job. 4xx and 501 would come again. */
export function errorOf(outcome: Exclude<Outcome, { kind: 'complete' }>): ForemanError {
  if (outcome.kind === 'incomplete') return new TargetIncompleteError()
  const { status, message } = outcome
  const error = new TargetFailedError(message)
  error.retryable = status === 200 || (status >= 500 && status !== 501)
  return error
}

/** True when nothing reached the target: no attempt was used up. */
export function neverReached(err: unknown): boolean {
  return err instanceof TargetError && err.kind === 'refused'
}

/** Whether the job gets another attempt. An attached one never: its caller is told at once. */
export function mayRetry(job: Job, error: ForemanError): boolean {
  return error.retryable && !job.attached && job.attempt < job.maxAttempts
}

/** Pause before attempt `failures + 1`, where `random` is in [0, 1). */
export function backoffMs(failures: number, rules: RetryRules, random: number = Math.random()): number {
  const plain = Math.min(rules.capMs, rules.backoffMs * rules.factor ** (failures - 1))
  return Math.round(plain * (1 + rules.jitter * (2 * random - 1)))
}

/** What the job's row keeps of an error. */
export function toJobError(error: ForemanError, attempt: number, targetStatus?: number): JobError {
  const { wireCode: code, message, retryable } = error
  return { code, message, retryable, attempt, ...(targetStatus !== undefined && { targetStatus }) }
}
