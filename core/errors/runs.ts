/**
 * The catalogue, second part: what ends a job, or one attempt of it. A caller that holds its connection gets it as the
 * answer, a durable job keeps it as `error`. `retryable` decides whether another attempt follows.
 */
import { defineError } from './define.ts'

/** 503: a call or job was not started in time. Hole: the time that was its limit. */
export const StartTimeoutError = defineError<[limit: string]>({
  code: 'start_timeout',
  status: 503,
  title: 'Start timeout',
  message: 'Not started by %s, which was its limit',
  retryable: true,
  retryAfterS: 30
})

/** 504: one attempt took longer than `run_timeout_s`. Never retried. Hole: the limit in seconds. */
export const RunTimeoutError = defineError<[limitS: number]>({
  code: 'run_timeout',
  status: 504,
  title: 'Run timeout',
  message: 'The run took longer than its limit of %d s',
  retryable: false
})

/** 504: the target sent no byte for too long. Hole: the limit in seconds. */
export const StalledError = defineError<[limitS: number]>({
  code: 'stalled',
  status: 504,
  title: 'Stalled',
  message: 'The target sent nothing for %d s',
  retryable: true
})

/** 502: no connection to the target. Hole: why, in a few words. */
export const TargetUnreachableError = defineError<[reason: string]>({
  code: 'target_unreachable',
  status: 502,
  title: 'Target unreachable',
  message: 'The target cannot be reached: %s',
  retryable: true
})

/** 502: the connection broke in the middle of the target's answer. */
export const TargetTruncatedError = defineError({
  code: 'target_truncated',
  status: 502,
  title: 'Target answer cut off',
  message: "The target's answer was cut off",
  retryable: true
})

/** 502: the target answered with an error. Hole: its text. Set `retryable` to false for 4xx and 501. */
export const TargetFailedError = defineError<[text: string]>({
  code: 'target_error',
  status: 502,
  title: 'Target error',
  message: 'The target failed: %s',
  retryable: true
})

/** 502: the stream ended cleanly, but without its last record: Ollama stops a model that repeats itself so. */
export const TargetIncompleteError = defineError({
  code: 'target_incomplete',
  status: 502,
  title: 'Target answer incomplete',
  message: "The target's answer ended without its last record",
  retryable: false
})

/** 500: the target could not load the model. Holes: the model, the target's text. */
export const LoadFailedError = defineError<[model: string, text: string]>({
  code: 'load_failed',
  status: 500,
  title: 'Load failed',
  message: "The target could not load model '%s': %s",
  retryable: true
})

/** 504: the target did not load the model in time. Holes: the model, the limit in seconds. */
export const LoadTimeoutError = defineError<[model: string, limitS: number]>({
  code: 'load_timeout',
  status: 504,
  title: 'Load timeout',
  message: "The target did not load model '%s' within %d s",
  retryable: true
})

/** 503: foreman stopped or restarted before the call was finished. */
export const InterruptedError = defineError({
  code: 'interrupted',
  status: 503,
  title: 'Interrupted',
  message: 'foreman stopped before the call was finished',
  retryable: true,
  retryAfterS: 10
})

/** 499 (nginx's "client closed request"): the job was canceled. */
export const CanceledError = defineError({
  code: 'canceled',
  status: 499,
  title: 'Canceled',
  message: 'The job was canceled',
  retryable: false
})
