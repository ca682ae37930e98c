/**
 * What the routes of the target say of themselves in the description of the API. Their bodies pass unchanged, so they are
 * Ollama's to describe: here they are named, with what foreman adds to them.
 */
import { Type } from 'typebox'
import type { AnswerWords, ApiDescription, Bodies, ErrorKind } from '../../core/api-description.ts'
import {
  BadRequestError,
  BodyTooLargeError,
  CanceledError,
  DrainingError,
  InterruptedError,
  JobDataRemovedError,
  LeavesThisMachineError,
  LoadFailedError,
  LoadTimeoutError,
  ModelNotAllowedError,
  ModelNotFoundError,
  NotFoundError,
  PriorityNotAllowedError,
  QueueFullError,
  QueueQuotaExceededError,
  RangeNotSatisfiableError,
  RunTimeoutError,
  StalledError,
  StartTimeoutError,
  StorageLowError,
  TargetTruncatedError,
  TargetUnreachableError,
  TooManyStreamsError,
  ValidationFailedError
} from '../../core/errors.ts'
import { jobStates } from '../../core/jobs/states.ts'
import { callExamples } from './api-examples.ts'
import { StreamNotKeptError } from './errors.ts'
import type { Operation } from './operations.ts'
import type { NativeRoute } from './routes.ts'
import { isList } from './stale-lists.ts'

const nativeDocs = 'https://docs.ollama.com/api'
const compatibleDocs = 'https://docs.ollama.com/api/openai-compatibility'
const messagesDocs = 'https://docs.ollama.com/api/anthropic-compatibility'

const header = (description: string) => Type.String({ description })

const callHeaders = {
  'Foreman-Priority': Type.Enum(['interactive', 'normal', 'batch'], {
    description: 'Class of the call. Defaults to interactive; with `respond-async` to normal.'
  }),
  'Foreman-On-Disconnect': Type.Enum(['cancel', 'continue'], {
    description: 'What becomes of the job when its caller leaves. Defaults to cancel.'
  })
}

const backgroundHeaders = {
  Prefer: header(
    '`respond-async` makes a job of the call and answers at once; `wait=N` beside it, as on `POST /jobs`.'
  ),
  'Idempotency-Key': header('With `respond-async`, as on `POST /jobs`. Each route has keys of its own.'),
  traceparent: header('With `respond-async`, as on `POST /jobs`. Else it goes on to the target as it is.')
}

const queueFacts = {
  'Foreman-Job-Id': 'Its job, where it was queued.',
  'Foreman-Queue-Position': 'Jobs that were likely to run before it.',
  'Foreman-Estimated-Start': 'When it was likely to start.'
}

const staleFacts = {
  'Foreman-Stale': '`true`: the target is away, and this is what it said last.',
  'Foreman-Polled-At': 'When it did.'
}

/** As the plugin jobs answers it; that is documented there. */
const acceptedJob = Type.Object(
  { id: Type.String(), state: Type.Enum([...jobStates]) },
  { description: 'The job, as `GET /jobs/{id}` shows it.' }
)

function jobAnswer(means: string): AnswerWords {
  const headers = {
    ...queueFacts,
    Location: 'The job.',
    'Preference-Applied': 'What of `Prefer` was honoured.'
  }
  return { means, headers, bodies: { 'application/json': { schema: acceptedJob } } }
}

const whatever = Type.Unknown({ description: "Ollama's own." })
const theirs = { additionalProperties: true, description: "Ollama's own." }
const unchanged = 'The body passes unchanged, but for the value of `keep_alive`.'
const passedOn = "The target's answer, byte for byte."

/** Of every call that uses a model. */
const callErrors: readonly ErrorKind[] = [
  ...[BadRequestError, ModelNotAllowedError, LeavesThisMachineError, BodyTooLargeError],
  ...[TargetUnreachableError, TargetTruncatedError]
]

/** Of those that wait in the queue: all but embeddings. */
const queueErrors: readonly ErrorKind[] = [
  ...[PriorityNotAllowedError, QueueFullError, QueueQuotaExceededError, DrainingError, StorageLowError],
  ...[StartTimeoutError, InterruptedError, CanceledError, ModelNotFoundError, LoadFailedError],
  ...[LoadTimeoutError, RunTimeoutError, StalledError]
]

/** What forwarding can come to, past the queue. */
const forwardErrors: readonly ErrorKind[] = [TargetUnreachableError, TargetTruncatedError]

/** `GET /jobs/{id}/stream`. */
export const keptStream: ApiDescription = {
  operationId: 'get_job_stream',
  summary: 'The answer to a call that goes on without its caller, byte for byte',
  tag: 'jobs',
  description:
    "Of calls with `Foreman-On-Disconnect: continue`: the target's own status, type and bytes, from `offset` on, while " +
    'they come and until the job is removed. It ends as it ended for the caller: where the answer was cut, the ' +
    'connection is. Leaving it cancels nothing.',
  answers: {
    200: {
      means: "The bytes from `offset` on. Where the target's status was another one, it is that.",
      headers: { 'Foreman-Job-Id': 'Its job. Not there when foreman itself refuses.' },
      bodies: { '*/*': { schema: Type.String({ description: 'As the target sent it.' }) } }
    }
  },
  errors: [
    ...[NotFoundError, StreamNotKeptError, JobDataRemovedError],
    ...[RangeNotSatisfiableError, ValidationFailedError, TooManyStreamsError]
  ]
}

/** The description of one operation of the target. `background`: what making a job of a call can be refused with. */
export function describe(
  { path, class: kind }: NativeRoute,
  operation: Operation,
  background: () => readonly ErrorKind[]
): ApiDescription {
  const { operationId, summary, body } = operation
  const words = { operationId, summary, seeAlso: docsOf(path), tag: tagOf(path) }
  if (kind === 'inference') return { ...words, ...call(path, background) }
  const refuses = kind === 'account' || kind === 'cloud'
  return {
    ...words,
    ...(refuses && {
      description: 'Refused unless `plugins.passthrough.allow` lists it: it leaves this machine.'
    }),
    ...(body !== undefined && { bodies: bodyOf(body) }),
    answers: {
      200: isList(path)
        ? {
            means: `${passedOn} Or the last one, while the target is away.`,
            headers: staleFacts,
            bodies: answerOf(operation)
          }
        : { means: passedOn, bodies: answerOf(operation) }
    },
    errors: refuses ? [...forwardErrors, LeavesThisMachineError] : forwardErrors
  }
}

function call(
  path: string,
  background: () => readonly ErrorKind[]
): Omit<ApiDescription, 'operationId' | 'summary' | 'tag'> {
  const isNative = path.startsWith('/api/')
  const waits = !path.includes('/embed')
  const errors = [...callErrors, ...(waits ? queueErrors : [])]
  const headers = isNative ? { ...callHeaders, ...backgroundHeaders } : callHeaders
  const streams: Bodies = isNative
    ? {
        'application/x-ndjson': {
          schema: Type.String({ description: 'A JSON object a line, while it streams.' })
        }
      }
    : {
        'text/event-stream': { schema: Type.String({ description: 'Events, where `stream` asks for them.' }) }
      }
  const json = { 'application/json': { schema: whatever } }
  const isForm = path.endsWith('/transcriptions')
  // The type of a transcript is that of the stream it was made of.
  const answer: Bodies = isForm ? { '*/*': { schema: whatever } } : { ...json, ...streams }
  const direct: AnswerWords = { means: passedOn, headers: queueFacts, bodies: answer }
  return {
    description: `${waits ? 'Waits in the queue for its model, then the' : 'The'} target answers. ${unchanged}`,
    headers,
    bodies: isForm ? bodyOf('form') : { 'application/json': jsonBody(path) },
    answers: isNative
      ? {
          200: { ...direct, means: `${passedOn} Or the job of an idempotency key that was used again.` },
          201: jobAnswer('With `Prefer: respond-async, wait=N`: the job has ended.'),
          202: jobAnswer('With `Prefer: respond-async`: the job is accepted.')
        }
      : { 200: direct },
    errors: isNative ? () => [...errors, ...background()] : errors
  }
}

function jsonBody(path: string) {
  const examples = callExamples[path]
  const schema = Type.Object({ model: Type.Optional(Type.String()) }, theirs)
  return { schema, ...(examples && { examples }) }
}

function bodyOf(kind: NonNullable<Operation['body']>): Bodies {
  if (kind === 'json') return { 'application/json': { schema: Type.Object({}, theirs) } }
  if (kind === 'form') return { 'multipart/form-data': { schema: Type.Object({}, theirs) } }
  return { 'application/octet-stream': { schema: Type.String({ description: 'The bytes.' }) } }
}

function answerOf({ answer }: Operation): Bodies {
  if (answer === 'text') return { 'text/plain': { schema: Type.String() } }
  if (answer === 'lines')
    return { 'application/x-ndjson': { schema: Type.String({ description: 'A JSON object a line.' }) } }
  return answer === 'nothing' ? {} : { 'application/json': { schema: whatever } }
}

function docsOf(path: string): string {
  if (path.startsWith('/v1/messages')) return messagesDocs
  return path.startsWith('/v1/') ? compatibleDocs : nativeDocs
}

function tagOf(path: string): string {
  return path.startsWith('/v1/') ? 'compatible' : 'ollama'
}
