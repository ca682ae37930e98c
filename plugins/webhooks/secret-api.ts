/** What the routes of secrets and keys say of themselves in the description of the API. */
import type { ApiDescription } from '../../core/api-description.ts'
import { StorageLowError } from '../../core/errors.ts'
import { takesJson } from './api-errors.ts'
import { SecretLostError } from './errors.ts'

const tag = 'webhooks'
const headers = { 'Cache-Control': '`no-store`.' }

/** `GET /webhook-secret`. */
export const fetch: ApiDescription = {
  operationId: 'get_webhook_secret',
  summary: 'What the jobs of the caller are signed with',
  tag,
  description: 'Where a job brings no secret of its own. Made when it is first needed.',
  answers: { 200: { means: 'The secret.', headers } },
  errors: [SecretLostError, StorageLowError]
}

/** `POST /webhook-secret/rotate`. */
export const rotate: ApiDescription = {
  operationId: 'rotate_webhook_secret',
  summary: 'Another secret for the jobs of the caller',
  tag,
  description: 'For a while messages are signed with both, the new one first.',
  bodyIsOptional: true,
  examples: { an_hour: { overlap_s: 3600 } },
  answers: { 200: { means: 'The new one.', headers } },
  errors: takesJson
}

/** `GET /webhook-keys`. */
export const keys: ApiDescription = {
  operationId: 'get_webhook_keys',
  summary: 'The public key of `v1a` signatures',
  tag,
  answers: { 200: { means: 'A set of one key.' } }
}
