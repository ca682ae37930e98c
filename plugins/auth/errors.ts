/** Errors of the plugin. docs/errors.md says what to do about each. */
import { defineError, type ForemanError, QUOTA_EXCEEDED } from '../../core/errors.ts'

/** 401: no token was shown, or one that opens nothing. Hole: which. Inference routes say it in Ollama's word. */
export const UnauthorizedError = defineError<[why: string]>({
  code: 'unauthorized',
  status: 401,
  title: 'Unauthorized',
  message: '%s',
  retryable: false,
  onInference: { message: 'unauthorized' }
})

/** 403: the token may not be used from where the request comes from. */
export const AddressNotAllowedError = defineError<[address: string]>({
  code: 'address_not_allowed',
  status: 403,
  title: 'Address not allowed',
  message: 'This token may not be used from %s',
  retryable: false
})

/** 401 in words for people, and in a header for programs (RFC 6750 section 3). */
export function unauthorized(why: string, shown: boolean): ForemanError {
  const challenge = shown ? `Bearer realm="foreman", error="invalid_token"` : 'Bearer realm="foreman"'
  return Object.assign(new UnauthorizedError(why), { headers: { 'www-authenticate': challenge } })
}

/**
 * The same for the ollama CLI, which drops the text of a 401 and shows that of a 403.
 * Source: ollama/ollama api/client.go, `checkError`.
 */
export function unauthorizedForCli(why: string): ForemanError {
  return Object.assign(unauthorized(why, true), { onInference: { status: 403, message: why } })
}

/** 429: more within a minute than the token may. Holes: how many it may, of what, in how many seconds there is room. */
export const RateLimitedError = defineError<[quota: number, what: string, afterS: number]>({
  code: 'rate_limited',
  status: 429,
  title: 'Rate limited',
  message: 'This token may make %d %s within a minute; try again in %d s',
  retryable: true,
  problemType: QUOTA_EXCEEDED
})

/** 429: from this address so many wrong tokens came within a minute that it must wait. Hole: for how many seconds. */
export const TooManyFailedLoginsError = defineError<[afterS: number]>({
  code: 'too_many_failed_logins',
  status: 429,
  title: 'Too many failed logins',
  message: 'Too many failed logins from this address; try again in %d s, or with a valid token at once',
  retryable: false
})

/** The first of the two, as it is answered. `what`: `requests` or `jobs`. */
export function rateLimited(what: string, quota: number, afterS: number): ForemanError {
  const error = new RateLimitedError(quota, what, afterS)
  return Object.assign(error, { retryAfterS: afterS, violatedPolicies: [what] })
}

/** The second. They come in floods: who raises them writes them down, and the next one needs a new connection. */
export function tooManyFailedLogins(leftS: number): ForemanError {
  const afterS = Math.ceil(leftS)
  const headers = { connection: 'close' }
  return Object.assign(new TooManyFailedLoginsError(afterS), { retryAfterS: afterS, headers, quiet: true })
}

/** 409: a token that cannot be rotated. Hole: why, and what to do. */
export const TokenNotRotatableError = defineError<[why: string]>({
  code: 'token_not_rotatable',
  status: 409,
  title: 'Token not rotatable',
  message: 'The token cannot be rotated: %s',
  retryable: false
})
