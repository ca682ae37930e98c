/**
 * The catalogue: what core itself refuses a request for. What ends a job is in `runs.ts`; docs/errors.md says what to do
 * about each.
 *
 * Statuses and codes follow RFC 9110 (HTTP semantics) and, for a queue that cannot take more, the problem type
 * "temporary-reduced-capacity" of the IETF draft RateLimit header fields for HTTP.
 */
import { defineError, type ForemanError } from './define.ts'

const REDUCED_CAPACITY = 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'

/** Problem type of a caller that has used up what it may (IETF draft RateLimit header fields for HTTP). */
export const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

/** 503: the queue has reached a limit. Hole: which, and what to do. Inference routes say it in Ollama's words. */
export const QueueFullError = defineError<[limit: string]>({
  code: 'queue_full',
  status: 503,
  title: 'Queue full',
  message: 'The queue is full: %s',
  retryable: true,
  retryAfterS: 10,
  problemType: REDUCED_CAPACITY,
  onInference: { message: 'server busy, please try again.  maximum pending requests exceeded' }
})

/** 503: foreman finishes what it has and accepts nothing new. */
export const DrainingError = defineError({
  code: 'draining',
  status: 503,
  title: 'Draining',
  message: 'foreman is draining and accepts no new jobs',
  retryable: true,
  retryAfterS: 30,
  problemType: REDUCED_CAPACITY
})

/** 429: too many connections follow jobs. Hole: which limit, and what to do. */
export const TooManyStreamsError = defineError<[limit: string]>({
  code: 'too_many_streams',
  status: 429,
  title: 'Too many streams',
  message: 'Too many streams are open: %s',
  retryable: true,
  retryAfterS: 10
})

/** 400: what a follower gave as the last event it had is none of what it follows. Hole: why. */
export const InvalidEventIdError = defineError<[why: string]>({
  code: 'invalid_event_id',
  status: 400,
  title: 'Invalid event id',
  message: 'This cannot be followed on from: %s',
  retryable: false
})

/** 400: the cursor is not one that this foreman gave to this caller. */
export const InvalidCursorError = defineError({
  code: 'invalid_cursor',
  status: 400,
  title: 'Invalid cursor',
  message: 'The cursor was not made by this foreman for this caller',
  retryable: false
})

/** 503: the data directory is full, nearly so, or cannot be written, so nothing can be accepted safely. */
export const StorageLowError = defineError({
  code: 'storage_low',
  status: 503,
  title: 'Storage low',
  message: 'foreman cannot write to its data directory',
  retryable: true,
  retryAfterS: 30,
  problemType: REDUCED_CAPACITY
})

/** 408: a request came too slowly, and its connection was closed. Hole: which limit it broke. */
export const RequestTimeoutError = defineError<[limit: string]>({
  code: 'request_timeout',
  status: 408,
  title: 'Request timeout',
  message: 'The request came too slowly: %s',
  retryable: true
})

/** 413: the request body is larger than `limits.body_bytes`. Hole: that number. */
export const BodyTooLargeError = defineError<[limitBytes: number]>({
  code: 'body_too_large',
  status: 413,
  title: 'Body too large',
  message: 'The request body is larger than %d bytes',
  retryable: false
})

/** 415: the route does not read bodies of this content type. Hole: the type as sent. */
export const UnsupportedMediaTypeError = defineError<[contentType: string]>({
  code: 'unsupported_media_type',
  status: 415,
  title: 'Unsupported media type',
  message: 'This route does not accept the content type "%s"',
  retryable: false
})

/** 403: a request from a web page of another site, or for a name that is not this machine's. Holes: header, value. */
export const ForeignPageError = defineError<[header: 'host' | 'origin', value: string]>({
  code: 'foreign_page',
  status: 403,
  title: 'Foreign page',
  message: 'refused: the %s "%s" is not of this machine, and without tokens foreman serves nobody else',
  retryable: false
})

/** 403: an account route or a cloud model, for which the target acts at ollama.com. Hole: what, and what to do. */
export const LeavesThisMachineError = defineError<[what: string]>({
  code: 'leaves_this_machine',
  status: 403,
  title: 'Leaves this machine',
  message: 'refused because it leaves this machine; %s',
  retryable: false
})

/** 403: the caller may not do this. Hole: the scope that it needs. */
export const InsufficientScopeError = defineError<[scope: string]>({
  code: 'insufficient_scope',
  status: 403,
  title: 'Insufficient scope',
  message: 'This needs the scope %s, which the token does not have',
  retryable: false
})

/** 403: the caller asks for a class above its top. Holes: that class, the top. */
export const PriorityNotAllowedError = defineError<[asked: string, top: string]>({
  code: 'priority_not_allowed',
  status: 403,
  title: 'Priority not allowed',
  message: 'The priority %s is above what this token may have; its highest is %s',
  retryable: false
})

/** 403: the model is not on the caller's list. Hole: the name as sent. */
export const ModelNotAllowedError = defineError<[model: string]>({
  code: 'model_not_allowed',
  status: 403,
  title: 'Model not allowed',
  message: "model '%s' is not one of those that this token may use",
  retryable: false
})

/** 429: so many jobs of the caller's wait as may. Hole: that number. Inference routes say it in Ollama's words. */
export const QueueQuotaExceededError = defineError<[maxQueued: number]>({
  code: 'queue_quota_exceeded',
  status: 429,
  title: 'Queue quota exceeded',
  message: '%d jobs of this token wait, which is its limit; try again when some have started',
  retryable: true,
  retryAfterS: 10,
  problemType: QUOTA_EXCEEDED,
  violatedPolicies: ['queued'],
  onInference: { message: 'server busy, please try again.  maximum pending requests of this token exceeded' }
})

/** 404: no such route, or no such object that the caller may see. */
export const NotFoundError = defineError({
  code: 'not_found',
  status: 404,
  title: 'Not found',
  message: 'There is nothing at this address, or it is another owner’s',
  retryable: false
})

/** 409: only an ended job has what was asked for, or can be deleted. Hole: its state. */
export const JobNotFinishedError = defineError<[state: string]>({
  code: 'job_not_finished',
  status: 409,
  title: 'Job not finished',
  message: 'The job has not ended: it is %s',
  retryable: true
})

/** 410: there was such a job, and what it left has been removed. */
export const JobDataRemovedError = defineError({
  code: 'job_data_removed',
  status: 410,
  title: 'Job data removed',
  message: 'The job ended, and its data has been removed',
  retryable: false
})

/** 409: an upload that a job's request refers to is not there any more. Hole: its id. */
export const InputGoneError = defineError<[id: string]>({
  code: 'input_gone',
  status: 409,
  title: 'Input gone',
  message: "the upload '%s' that the request refers to has been removed",
  retryable: false
})

/** 400: the body is not JSON. Hole: what the parser said. */
export const MalformedJsonError = defineError<[reason: string]>({
  code: 'malformed_json',
  status: 400,
  title: 'Malformed JSON',
  message: 'The body is not valid JSON: %s',
  retryable: false
})

/** 400, or another 4xx status set on the error: the request is wrong in a way no other code names. */
export const BadRequestError = defineError<[reason: string]>({
  code: 'bad_request',
  status: 400,
  title: 'Bad request',
  message: '%s',
  retryable: false
})

/** 422: the request was read but breaks its schema; `faults` lists every place. Hole: a summary. */
export const ValidationFailedError = defineError<[summary: string]>({
  code: 'validation_failed',
  status: 422,
  title: 'Validation failed',
  message: '%s',
  retryable: false
})

/** A body that breaks a rule no schema can tell. `pointer` is a JSON pointer into it. */
export function faultAt(pointer: string, detail: string): ForemanError {
  const error = new ValidationFailedError(pointer === '' ? detail : `${pointer}: ${detail}`)
  error.faults = [{ pointer, detail }]
  return error
}

/** 416: no byte of the range is there. */
export const RangeNotSatisfiableError = defineError({
  code: 'range_not_satisfiable',
  status: 416,
  title: 'Range not satisfiable',
  message: 'The range begins behind the last byte',
  retryable: false
})

/** 422 (404 on inference routes, as Ollama has it): the target has no such model. Hole: the name as sent. */
export const ModelNotFoundError = defineError<[model: string]>({
  code: 'model_not_found',
  status: 422,
  title: 'Model not found',
  message: "model '%s' not found",
  retryable: false,
  onInference: { status: 404 }
})

/** 500, or another 5xx status: something unforeseen. The cause is in the log and nowhere else. */
export const InternalError = defineError({
  code: 'internal',
  status: 500,
  title: 'Internal error',
  message: 'Internal Server Error',
  retryable: false
})
