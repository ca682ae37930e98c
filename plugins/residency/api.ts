/** What the routes say of themselves in the description of the API. */
import { Type } from 'typebox'
import type { ApiDescription, ErrorKind } from '../../core/api-description.ts'
import {
  BodyTooLargeError,
  DrainingError,
  LeavesThisMachineError,
  ModelNotAllowedError,
  NotFoundError,
  QueueFullError,
  QueueQuotaExceededError,
  StorageLowError,
  TargetFailedError,
  TargetTruncatedError,
  TargetUnreachableError,
  UnsupportedMediaTypeError
} from '../../core/errors.ts'
import { EmbedderKeptError, ModelNotLoadedError } from './errors.ts'

const applied = { 'Preference-Applied': 'What of `Prefer` was honoured.' }
const job = { 'Foreman-Job-Id': 'The job that loads it.', Location: 'That job.' }

const finds: readonly ErrorKind[] = [
  ...[
    NotFoundError,
    ModelNotAllowedError,
    LeavesThisMachineError,
    BodyTooLargeError,
    UnsupportedMediaTypeError
  ],
  ...[TargetUnreachableError, TargetTruncatedError, TargetFailedError]
]

const prefer = (what: string) => ({
  Prefer: Type.String({ description: `\`wait=N\`: wait for N seconds, 60 at most, until ${what}.` })
})

/** By the last part of the path. */
export const api = {
  load: {
    operationId: 'load_model',
    summary: 'Load a model',
    tag: 'models',
    description:
      'Takes its turn in the queue as a job with an empty prompt: what runs is not disturbed. One that is loaded stays as it is. A name with slashes is written with `%2F`.',
    headers: prefer('it is loaded'),
    answers: {
      200: {
        means: 'It is loaded. Without a job where it was before.',
        headers: { ...applied, ...job }
      },
      202: { means: 'It will be, when its turn comes.', headers: { ...applied, ...job } }
    },
    errors: [
      ...finds,
      ...[ModelNotLoadedError, QueueFullError, QueueQuotaExceededError, DrainingError, StorageLowError]
    ]
  },
  unload: {
    operationId: 'unload_model',
    summary: 'Unload a model',
    tag: 'models',
    description:
      'The target lets go of it as soon as nothing uses it. Without `Prefer`, `limits.unload_timeout_s` is waited for.',
    headers: prefer('it is gone'),
    answers: {
      200: { means: 'It is not loaded any more.', headers: applied },
      202: { means: 'It is still in use, and goes when that ends.', headers: applied }
    },
    errors: [...finds, EmbedderKeptError]
  }
} as const satisfies Readonly<Record<string, ApiDescription>>
