/**
 * The one renderer: how an error looks on each family of routes.
 *
 * Clients of each family read another shape (docs/adr/0017-error-shapes.md). Everything that foreman itself says,
 * whatever the shape, carries `Foreman-Error-Code`; an error the target sent passes without it.
 */
import { ownHeaders } from '../answer-headers.ts'
import { InternalError } from './catalog.ts'
import { type ForemanError, isForemanError } from './define.ts'

/** A family of routes with one shape of errors: Ollama's, OpenAI's, Anthropic's, or foreman's own (RFC 9457). */
export type Surface = 'native' | 'openai' | 'anthropic' | 'problem'

/** An answer ready to be sent; header names in lower case. */
export interface RenderedError {
  status: number
  headers: Record<string, string>
  body: string
}

/** The surface of a path (a query may follow it): `/api/…`, `/v1/messages…`, other `/v1/…`, anything else. */
export function surfaceOf(path: string): Surface {
  if (isUnder(path, '/api')) return 'native'
  if (isUnder(path, '/v1/messages')) return 'anthropic'
  if (isUnder(path, '/v1')) return 'openai'
  return 'problem'
}

/**
 * Renders any error for a surface. An error not made by `defineError` is shown as `internal` with nothing of its
 * own text. `requestId` is Fastify's `request.id`.
 */
export function renderError(error: unknown, surface: Surface, requestId: string): RenderedError {
  const known = isForemanError(error) ? error : new InternalError()
  return surface === 'problem' ? renderProblem(known, requestId) : renderInference(known, surface, requestId)
}

function renderProblem(error: ForemanError, requestId: string): RenderedError {
  const body = {
    type: error.problemType ?? `/problems/${error.wireCode}`,
    title: error.title,
    status: error.statusCode,
    detail: error.message,
    instance: `urn:foreman:request:${encodeURIComponent(requestId)}`,
    code: error.wireCode,
    errors: error.faults,
    'violated-policies': error.violatedPolicies,
    retryable: error.retryable,
    request_id: requestId
  }
  return answer(error, error.statusCode, 'application/problem+json', body)
}

function renderInference(error: ForemanError, surface: Exclude<Surface, 'problem'>, requestId: string) {
  const status = error.onInference?.status ?? error.statusCode
  const message = oneLine(error.onInference?.message ?? error.message)
  return answer(error, status, 'application/json; charset=utf-8', SHAPES[surface](message, status, requestId))
}

const SHAPES = {
  native: (message: string) => ({ error: message }),
  openai: (message: string, status: number) => ({
    error: { message, type: OPENAI_TYPES[status] ?? 'api_error', param: null, code: null }
  }),
  anthropic: (message: string, status: number, requestId: string) => ({
    type: 'error',
    error: { type: ANTHROPIC_TYPES[status] ?? 'api_error', message },
    request_id: requestId
  })
} satisfies Record<
  Exclude<Surface, 'problem'>,
  (message: string, status: number, requestId: string) => object
>

/** As Ollama's own OpenAI routes have it: every other status, 401 and 503 included, is `api_error`. */
const OPENAI_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  404: 'not_found_error'
}

/** As Ollama's own `/v1/messages` has it. */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  529: 'overloaded_error'
}

function answer(error: ForemanError, status: number, contentType: string, body: object): RenderedError {
  const headers: Record<string, string> = {
    'content-type': contentType,
    'foreman-error-code': error.wireCode,
    ...ownHeaders,
    ...error.headers
  }
  if (error.retryAfterS !== undefined)
    headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfterS)))
  return { status, headers, body: JSON.stringify(body) }
}

/** Line clients split a body at every separator Unicode knows, also inside a JSON string. */
function oneLine(text: string): string {
  return text.replace(/\s*[\r\n\v\f\u0085\u2028\u2029]+\s*/g, ' ').trim()
}

function isUnder(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false
  const next = path[prefix.length]
  return next === undefined || next === '/' || next === '?'
}
