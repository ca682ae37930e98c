/** What came of one attempt to send, as the dispatcher and the delivery log know it. */

/**
 * The closed list of what an attempt can end in. A status of no class (below 200 or from 600) counts as `5xx`.
 * `connect` holds everything that is no HTTP answer although a connection was tried: refused, reset, garbage.
 */
export type Outcome =
  | '2xx'
  | '3xx'
  | '4xx'
  | '410'
  | '429'
  | '5xx'
  | 'timeout'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'ssrf_blocked'

/** The end of one attempt. Only `2xx` is a success. */
export interface Answer {
  readonly outcome: Outcome
  /** The status of the answer; null where there was none. */
  readonly status: number | null
  /** Where a redirect would have led; query dropped. Null where the answer was none. */
  readonly location: string | null
  /** What `Retry-After` of a 429 or 503 asks for, ms, 0 to 1 h; null where it asks for nothing. */
  readonly retryAfterMs: number | null
  /** The address that was connected to, for the delivery log; null where there was no connection of foreman's own. */
  readonly address: string | null
  /** A short phrase of a closed list for what went wrong, never an address; null at a 2xx. */
  readonly error: string | null
  /** From the call to the end of what was read. */
  readonly durationMs: number
  /** The first 4 KiB of the body, as they came; nothing is decoded. */
  readonly response: Buffer
}
