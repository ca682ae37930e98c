/** What the routes of jobs refuse. docs/errors.md says what to do about each. */
import { defineError, type ForemanError, ValidationFailedError } from '../../core/errors.ts'

/** 400: the cursor is not one that this foreman gave to this caller. */
export const InvalidCursorError = defineError({
  code: 'invalid_cursor',
  status: 400,
  title: 'Invalid cursor',
  message: 'The cursor was not made by this foreman for this caller',
  retryable: false
})

/** 400: the `Idempotency-Key` is not 1 to 255 printable ASCII characters. */
export const InvalidIdempotencyKeyError = defineError({
  code: 'invalid_idempotency_key',
  status: 400,
  title: 'Invalid idempotency key',
  message: 'Idempotency-Key must be one value of 1 to 255 printable ASCII characters, quoted or bare',
  retryable: false
})

/** 403: the model runs at ollama.com. Hole: its name. */
export const CloudModelError = defineError<[model: string]>({
  code: 'cloud_model_refused',
  status: 403,
  title: 'Cloud model refused',
  message: "model '%s' runs at ollama.com; jobs run on the target alone",
  retryable: false
})

/** 409: only an ended job can be deleted. Hole: its state. */
export const JobNotFinishedError = defineError<[state: string]>({
  code: 'job_not_finished',
  status: 409,
  title: 'Job not finished',
  message: 'The job has not ended: it is %s',
  retryable: true
})

/** 409: this job cannot be done again. Hole: why. */
export const JobNotRetryableError = defineError<[reason: string]>({
  code: 'job_not_retryable',
  status: 409,
  title: 'Job not retryable',
  message: 'The job cannot be retried: %s',
  retryable: false
})

/** 410: there was such a job, and what it left has been removed. */
export const JobDataRemovedError = defineError({
  code: 'job_data_removed',
  status: 410,
  title: 'Job data removed',
  message: 'The job ended, and its data has been removed',
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

/** A body that breaks a rule no schema can tell. `pointer` is a JSON pointer into it. */
export function faultAt(pointer: string, detail: string): ForemanError {
  const error = new ValidationFailedError(pointer === '' ? detail : `${pointer}: ${detail}`)
  error.faults = [{ pointer, detail }]
  return error
}
