/** What the routes of tokens say of themselves in the description of the API. */
import type { ApiDescription, ErrorKind } from '../../core/api-description.ts'
import {
  BodyTooLargeError,
  JobDataRemovedError,
  MalformedJsonError,
  NotFoundError,
  StorageLowError,
  UnsupportedMediaTypeError,
  ValidationFailedError
} from '../../core/errors.ts'
import {
  AddressNotAllowedError,
  RateLimitedError,
  TokenNotRotatableError,
  TooManyFailedLoginsError,
  UnauthorizedError
} from './errors.ts'

/** What a caller is turned away with. */
export const refusals: readonly ErrorKind[] = [
  ...[UnauthorizedError, AddressNotAllowedError],
  ...[RateLimitedError, TooManyFailedLoginsError]
]

const tag = 'tokens'
/** Of routes that read a body as JSON, whether they use it or not: what is nested too deep is not valid anywhere. */
const readsJson: readonly ErrorKind[] = [
  ...[MalformedJsonError, ValidationFailedError],
  ...[BodyTooLargeError, UnsupportedMediaTypeError]
]

/** `POST /tokens`. */
export const create: ApiDescription = {
  operationId: 'create_token',
  summary: 'Make a token',
  tag,
  description: 'The only answer with the token itself: nobody can look it up later.',
  examples: {
    for_jobs: {
      ...{ name: 'nightly report', scopes: ['jobs:read', 'jobs:write'] },
      limits: { top_priority: 'batch', jobs_per_minute: 600 }
    }
  },
  answers: { 201: { means: 'The token.', headers: { Location: 'What is known of it.' } } },
  errors: [...readsJson, StorageLowError]
}

/** `GET /tokens`. */
export const list: ApiDescription = {
  operationId: 'list_tokens',
  summary: 'List tokens',
  tag,
  answers: { 200: { means: 'All of them, those that are over included.' } }
}

/** `GET /tokens/{id}`. */
export const fetch: ApiDescription = {
  operationId: 'get_token',
  summary: 'What is known of a token',
  tag,
  answers: { 200: { means: 'The token, without its secret.' } },
  errors: [NotFoundError]
}

/** `DELETE /tokens/{id}`. */
export const revoke: ApiDescription = {
  operationId: 'revoke_token',
  summary: 'Revoke a token',
  tag,
  description: 'Its open calls are cut within a second.',
  answers: { 200: { means: 'The token with `revoked_at`.' } },
  errors: [...readsJson, NotFoundError, StorageLowError]
}

/** `POST /tokens/{id}/rotate`. */
export const rotate: ApiDescription = {
  operationId: 'rotate_token',
  summary: 'Make the successor of a token',
  tag,
  description: 'It has the same owner, scopes and limits; the old one stays good for a while.',
  bodyIsOptional: true,
  examples: { an_hour: { overlap_s: 3600 } },
  answers: {
    201: { means: 'The successor, with its secret.', headers: { Location: 'What is known of it.' } }
  },
  errors: [...readsJson, NotFoundError, TokenNotRotatableError, StorageLowError]
}

/** `GET /whoami`. */
export const whoami: ApiDescription = {
  operationId: 'who_am_i',
  summary: 'What the token that asks may do',
  tag,
  answers: { 200: { means: 'The token, its scopes and limits.' } }
}

/** `POST /stream-tickets`. */
export const ticket: ApiDescription = {
  operationId: 'create_stream_ticket',
  summary: 'A ticket that stands for the token in an address',
  tag,
  description: 'For browsers, whose streams can set no header. It is good for looking at jobs alone.',
  bodyIsOptional: true,
  examples: { half_a_minute: { ttl_s: 30 } },
  answers: { 201: { means: 'The ticket, for `?ticket=`.' } },
  errors: [...readsJson, NotFoundError, JobDataRemovedError]
}

/** `GET /audit`. */
export const audit: ApiDescription = {
  operationId: 'list_audit_entries',
  summary: 'Who changed what, and who was turned away, the newest first',
  tag,
  answers: { 200: { means: 'A page.' } },
  errors: [ValidationFailedError]
}
