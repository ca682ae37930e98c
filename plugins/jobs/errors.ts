/** What the routes of jobs refuse. docs/errors.md says what to do about each. */
import { defineError } from '../../core/errors.ts'

export { faultAt, InvalidCursorError } from '../../core/errors.ts'

/** 400: the `Idempotency-Key` is not 1 to 255 printable ASCII characters. */
export const InvalidIdempotencyKeyError = defineError({
  code: 'invalid_idempotency_key',
  status: 400,
  title: 'Invalid idempotency key',
  message: 'Idempotency-Key must be one value of 1 to 255 printable ASCII characters, quoted or bare',
  retryable: false
})

/** 409: this job cannot be done again. Hole: why. */
export const JobNotRetryableError = defineError<[reason: string]>({
  code: 'job_not_retryable',
  status: 409,
  title: 'Job not retryable',
  message: 'The job cannot be retried: %s',
  retryable: false
})

/** 422: the key came with another body before. */
export const IdempotencyKeyReusedError = defineError({
  code: 'idempotency_key_reused',
  status: 422,
  title: 'Idempotency key reused',
  message: 'The Idempotency-Key was used before with another body',
  retryable: false
})
