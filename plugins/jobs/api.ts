/** What the routes of jobs and of the queue say of themselves in the description of the API. */
import { Type } from 'typebox'
import type { AnswerWords, ApiDescription, ErrorKind } from '../../core/api-description.ts'
import {
  BadRequestError,
  BodyTooLargeError,
  DrainingError,
  InputGoneError,
  InvalidEventIdError,
  JobDataRemovedError,
  JobNotFinishedError,
  LeavesThisMachineError,
  MalformedJsonError,
  ModelNotAllowedError,
  ModelNotFoundError,
  NotFoundError,
  PriorityNotAllowedError,
  QueueFullError,
  QueueQuotaExceededError,
  StorageLowError,
  TooManyStreamsError,
  UnsupportedMediaTypeError,
  ValidationFailedError
} from '../../core/errors.ts'
import {
  createExamples,
  eventsExample,
  lineAnswersExample,
  linesExample,
  queuedJob,
  whyExample
} from './api-examples.ts'
import {
  IdempotencyKeyReusedError,
  InvalidCursorError,
  InvalidIdempotencyKeyError,
  JobNotRetryableError
} from './errors.ts'
import { linesType } from './line-streams.ts'
import { createSchema, shortFormSchema } from './schemas.ts'

const header = (description: string) => Type.String({ description })

/** Headers of the answers that are a job. */
const jobHeaders = {
  ETag: 'Its version. Estimates move without a new one.',
  'Retry-After': 'Seconds until asking again is worth it; not there when the job has ended.'
}
const newJobHeaders = { ...jobHeaders, Location: 'The job.' }
const preferApplied = { 'Preference-Applied': 'What of `Prefer` was honoured.' }

const onlyTheirs: readonly ErrorKind[] = [NotFoundError, JobDataRemovedError]
/** Bodies are read and forgotten, up to a limit, where they come with a type that is one. */
const bodyIgnored: readonly ErrorKind[] = [BodyTooLargeError, UnsupportedMediaTypeError]
const takesJobs: readonly ErrorKind[] = [
  ...[ModelNotFoundError, ModelNotAllowedError, LeavesThisMachineError, ValidationFailedError],
  ...[QueueFullError, QueueQuotaExceededError, DrainingError, StorageLowError]
]

/** What a native route refuses that makes a job of its request. */
export const inBackground: readonly ErrorKind[] = [
  ...[InvalidIdempotencyKeyError, IdempotencyKeyReusedError, JobDataRemovedError, ValidationFailedError],
  ...[PriorityNotAllowedError, QueueFullError, QueueQuotaExceededError, DrainingError, StorageLowError]
]

const lines = (description: string, example?: string) => ({
  [linesType]: {
    schema: Type.String({ description }),
    ...(example !== undefined && { examples: { lines: example } })
  }
})

const stream = {
  'text/event-stream': {
    schema: Type.String({
      description: 'Blocks of `id`, `event` (the type) and `data` (the event, in one line).'
    })
  }
}
const traceHeader = header(
  'The trace that the job belongs to (W3C Trace Context): its webhooks carry it, and its call to the target.'
)
const lastEventId = header('Of a stream: go on behind the event that had this `id`.')

const tag = 'jobs'

/** `POST /jobs`. `ofWebhooks`: what webhooks refuse, known when their plugin is there. */
export const create = (ofWebhooks: () => readonly ErrorKind[]): ApiDescription => ({
  operationId: 'create_job',
  summary: 'Hand a job in, or many',
  tag,
  description:
    'Answered when the job is on the disk. With `Content-Type: application/x-ndjson` one job a line, and an answer a line.',
  headers: {
    'Idempotency-Key': header(
      'The same key with the same body makes one job. 1 to 255 printable ASCII characters. Not with lines.'
    ),
    Prefer: header('`wait=N`: hold the answer back until the job has ended, N seconds at most (60 at most).'),
    Accept: header("`text/event-stream`: the answer is the stream of the job's events."),
    'Last-Event-ID': lastEventId,
    traceparent: traceHeader
  },
  bodies: {
    'application/json': {
      schema: Type.Union([createSchema, shortFormSchema]),
      examples: createExamples
    },
    ...lines('One job a line, in either form, with `idempotency_key` in the line.', linesExample)
  },
  answers: {
    200: {
      means:
        'An idempotency key was used again: the job as it is now. Or the answers to lines, one each. Or the events of the job, as they come.',
      headers: { ...newJobHeaders, ...preferApplied, 'Idempotency-Replayed': '`true` for a key used again.' },
      bodies: {
        ...lines('`{"id"}`, with `replayed` for a key used again, or `{"error"}`.', lineAnswersExample),
        ...stream
      }
    },
    201: {
      means: 'The job has ended while it was waited for.',
      headers: { ...newJobHeaders, ...preferApplied }
    },
    202: {
      means: 'The job is accepted.',
      headers: { ...newJobHeaders, ...preferApplied },
      examples: { queued: queuedJob }
    },
    204: { means: 'Of a stream: the job has ended, and `Last-Event-ID` is the id of its last event.' }
  },
  errors: () => [
    ...[InvalidEventIdError, TooManyStreamsError],
    ...[MalformedJsonError, BadRequestError, InvalidIdempotencyKeyError, IdempotencyKeyReusedError],
    ...[JobDataRemovedError, PriorityNotAllowedError, BodyTooLargeError, UnsupportedMediaTypeError],
    ...takesJobs,
    ...ofWebhooks()
  ]
})

/** `GET /jobs`. */
export const list: ApiDescription = {
  operationId: 'list_jobs',
  summary: 'List jobs, the newest first',
  tag,
  description: 'With `Accept: application/x-ndjson` every job that fits, one a line, with its `result`.',
  headers: { Accept: header('`application/x-ndjson` for lines.') },
  query: {
    metadata: Type.Object(
      {},
      {
        patternProperties: { '^metadata\\.': Type.String({ maxLength: 512 }) },
        description: '`metadata.<name>=<value>`: jobs whose metadata has this value; several must all hold.'
      }
    )
  },
  answers: {
    200: {
      means: 'A page, without results; or lines.',
      headers: { Link: '`rel="next"`: the next page.' },
      bodies: lines('A job a line.')
    }
  },
  errors: [InvalidCursorError, ValidationFailedError]
}

/** `GET /jobs/{id}`. */
export const fetch: ApiDescription = {
  operationId: 'get_job',
  summary: 'A job now, or when it has changed',
  tag,
  headers: {
    Prefer: header(
      '`wait=N`: hold the answer back until it has ended; with `If-None-Match` until it changed.'
    ),
    'If-None-Match': header('The `ETag` that is known: 304 while nothing has changed.')
  },
  answers: {
    200: { means: 'The job.', headers: { ...jobHeaders, ...preferApplied }, examples: { queued: queuedJob } },
    304: { means: 'Nothing has changed.', headers: { ...jobHeaders, ...preferApplied } }
  },
  errors: [...onlyTheirs, ValidationFailedError]
}

/** `GET /jobs/{id}/why`. */
export const why: ApiDescription = {
  operationId: 'explain_job',
  summary: 'What a job waited for, or waits for',
  tag,
  answers: { 200: { means: 'The reasons.', examples: { done: whyExample } } },
  errors: onlyTheirs
}

/** `GET /jobs/{id}/events`. */
export const events: ApiDescription = {
  operationId: 'list_job_events',
  summary: 'The events of a job: those that are stored, or as they come',
  tag,
  description:
    'With `Accept: text/event-stream` a stream: what is stored, then what comes, until the job has ended.',
  headers: {
    Accept: header('`text/event-stream` for a stream.'),
    'Last-Event-ID': lastEventId
  },
  answers: {
    200: {
      means: 'A page, the oldest first; or a stream.',
      bodies: stream,
      examples: { page: eventsExample }
    },
    204: { means: 'Of a stream: the job has ended, and nothing is left.' }
  },
  errors: [
    ...onlyTheirs,
    ...[InvalidCursorError, InvalidEventIdError, TooManyStreamsError, ValidationFailedError]
  ]
}

/** `POST /jobs/{id}/cancel`. */
export const cancel: ApiDescription = {
  operationId: 'cancel_job',
  summary: 'Cancel a job',
  tag,
  answers: {
    200: { means: 'The job has ended, in this way or before: read `state`.', headers: jobHeaders },
    202: { means: 'The target is being left; the job never becomes `done` any more.', headers: jobHeaders }
  },
  errors: [...onlyTheirs, ...bodyIgnored, StorageLowError]
}

/** `POST /jobs/{id}/retry`. */
export const retry: ApiDescription = {
  operationId: 'retry_job',
  summary: 'Make a new job of the same request',
  tag,
  headers: { traceparent: traceHeader },
  answers: { 202: { means: 'The new job is accepted.', headers: newJobHeaders } },
  errors: [...onlyTheirs, ...bodyIgnored, JobNotRetryableError, InputGoneError, ...takesJobs]
}

/** `DELETE /jobs/{id}`. */
export const remove: ApiDescription = {
  operationId: 'delete_job',
  summary: 'Take away all that an ended job left',
  tag,
  answers: { 204: { means: 'It is gone.' } },
  errors: [...onlyTheirs, ...bodyIgnored, JobNotFinishedError, StorageLowError]
}

const queue = { tag: 'queue', answers: { 200: { means: 'The queue.' } satisfies AnswerWords } }

/** `GET /queue`. */
export const queueNow: ApiDescription = {
  ...queue,
  operationId: 'get_queue',
  summary: 'What waits, in counts'
}

/** `POST /queue/…`, by the name of the switch. */
export const queueSwitches = {
  pause: switchOf('pause', 'Start nothing more'),
  drain: switchOf('drain', 'Accept nothing more'),
  resume: switchOf('resume', 'End a pause and a drain')
}

function switchOf(name: string, summary: string): ApiDescription {
  return { ...queue, operationId: `${name}_queue`, summary, errors: [...bodyIgnored, StorageLowError] }
}
