/**
 * How foreman's errors are made: `@fastify/error` classes that also say whether to try again, and when.
 *
 * A code is written once, as it goes over the wire (`queue_full`); the code property in the program is made
 * from it (`FOREMAN_QUEUE_FULL`). How each family of routes shows an error is `render.ts`, not here.
 */
import createError, { type FastifyError } from '@fastify/error'

/** One fault in a request: where (a JSON pointer, RFC 6901; "" is the whole value) and what. */
export interface FaultAt {
  pointer: string
  detail: string
}

/** What every error of foreman's own promises. Made by the classes that {@link defineError} returns. */
export interface ForemanError extends FastifyError {
  /** `FOREMAN_` and the wire code in capitals: `FOREMAN_QUEUE_FULL`. */
  code: string
  /** HTTP status on foreman's own routes. */
  statusCode: number
  /** The stable code users see: `queue_full`. */
  wireCode: string
  /** A short fixed phrase for the kind of error; `message` tells about this one. */
  title: string
  /** Whether the same request can succeed later without being changed. May be set for one error. */
  retryable: boolean
  /** Seconds for `Retry-After`, whole; absent: the header is not sent. May be set for one error. */
  retryAfterS?: number
  /** Further headers of the answer, in lower case. May be set for one error. */
  headers?: Readonly<Record<string, string>>
  /** Every fault found in the request, for `validation_failed`. */
  faults?: readonly FaultAt[]
  /** Names of the limits that would be passed, as the header `RateLimit-Policy` has them. May be set for one error. */
  violatedPolicies?: readonly string[]
  /** Not written to the log at each answer: who raises it sees to that. May be set for one error. */
  quiet?: boolean
  /** What differs on the routes of Ollama, OpenAI and Anthropic. */
  readonly onInference?: InferenceForm
  /** `type` of the problem document; absent: `/problems/<code>`. */
  readonly problemType?: string
}

/** Where the target has a status or words of its own for the case, inference routes show those. */
export interface InferenceForm {
  status?: number
  message?: string
}

/** One entry of the catalogue. `message` has holes as in `util.format`: `%s`, `%d`. */
export interface ErrorDefinition {
  code: string
  status: number
  title: string
  message: string
  retryable: boolean
  retryAfterS?: number
  onInference?: InferenceForm
  problemType?: string
  violatedPolicies?: readonly string[]
}

/** Constructor of one kind of error: values for the holes of its message, then at will its cause. */
export type ForemanErrorConstructor<Holes extends unknown[]> = new (
  ...args: [...Holes, options?: { cause: unknown }]
) => ForemanError

class ForemanErrorBase extends Error {}

const definedCodes = new Set<string>()

/** The code of every error that was defined so far, sorted: those of core, and of the plugins that are loaded. */
export function errorCodes(): string[] {
  return [...definedCodes].sort()
}

/** Makes the class for one kind of error. Plugins use it for theirs; each code has a row in docs/errors.md. */
export function defineError<Holes extends unknown[] = []>(
  definition: ErrorDefinition
): ForemanErrorConstructor<Holes> {
  const { code, status, message, ...facts } = definition
  class Kind extends ForemanErrorBase {}
  // On the prototype, because @fastify/error never calls the constructor of the class it derives from.
  Object.assign(Kind.prototype, facts, { wireCode: code })
  definedCodes.add(code)
  const Made = createError(`FOREMAN_${code.toUpperCase()}`, message, status, Kind as ErrorConstructor)
  return Made as unknown as ForemanErrorConstructor<Holes>
}

/** True for errors made by a class of {@link defineError}. */
export function isForemanError(error: unknown): error is ForemanError {
  return error instanceof ForemanErrorBase
}
