/** Errors that many routes of the plugin share, for the description of the API. */
import type { ErrorKind } from '../../core/api-description.ts'
import {
  BodyTooLargeError,
  MalformedJsonError,
  NotFoundError,
  StorageLowError,
  UnsupportedMediaTypeError,
  ValidationFailedError
} from '../../core/errors.ts'

/** Of routes that read JSON and write. */
export const takesJson: readonly ErrorKind[] = [
  ...[MalformedJsonError, ValidationFailedError],
  ...[BodyTooLargeError, UnsupportedMediaTypeError, StorageLowError]
]

/** Of routes that write, and forget their bodies. */
export const takesNothing: readonly ErrorKind[] = [
  ...[BodyTooLargeError, UnsupportedMediaTypeError, StorageLowError]
]

/** Of routes about one thing. */
export const isThere: readonly ErrorKind[] = [NotFoundError]
