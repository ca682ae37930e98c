/**
 * Refusals in the shape of the API that the route belongs to.
 * Source: ollama/ollama `openai/openai.go` (NewError), `anthropic/anthropic.go`.
 */
import { randomBytes } from 'node:crypto'
import type { ErrorShape } from '../routes.ts'

/** The body of an error. `extra` only goes into native ones. */
export function errorBody(
  shape: ErrorShape,
  status: number,
  message: string,
  extra: Record<string, string> = {}
): object {
  if (shape === 'openai') return { error: { message, type: openAiType(status), param: null, code: null } }
  if (shape === 'native') return { error: message, ...extra }
  return {
    type: 'error',
    error: { type: anthropicType(status), message },
    request_id: `req_${randomBytes(12).toString('hex')}`
  }
}

function openAiType(status: number): string {
  if (status === 400) return 'invalid_request_error'
  return status === 404 ? 'not_found_error' : 'api_error'
}

const ANTHROPIC_TYPES: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  529: 'overloaded_error'
}

function anthropicType(status: number): string {
  return ANTHROPIC_TYPES[status] ?? 'api_error'
}
