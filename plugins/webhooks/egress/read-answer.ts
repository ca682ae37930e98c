/** Tells what an answer means: its class, where it would have led, when to come again; and what none means. */
import type { Answer, Outcome } from './answer.ts'
import type { Exchanged } from './exchange.ts'
import type { SendFault } from './faults.ts'
import type { Destination } from './rules.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

const RETRY_AFTER_AT_MOST_MS = 3_600_000
const LOCATION_LENGTH = 512

/** Where an attempt went, and what came back. */
export interface Trip {
  readonly to: Destination
  readonly address: string | null
  readonly got: Exchanged
}

/** An attempt that was answered, well or badly. */
export function answered({ to, address, got }: Trip, durationMs: number): Answer {
  const { status, headers, response } = got
  const outcome = outcomeOf(status)
  return {
    outcome,
    status,
    location: locationOf(status, headers, to.url),
    retryAfterMs: retryAfterOf(status, headers, Date.now()),
    address,
    error: outcome === '2xx' ? null : `answered ${status}`,
    durationMs,
    response
  }
}

/** An attempt that was not. */
export function failed(fault: SendFault, address: string | null, durationMs: number): Answer {
  return {
    outcome: fault.outcome,
    status: null,
    location: null,
    retryAfterMs: null,
    address,
    error: fault.message,
    durationMs,
    response: Buffer.alloc(0)
  }
}

/** The class of a status. What has none is a failure of the receiver. */
export function outcomeOf(status: number): Outcome {
  if (status === 410) return '410'
  if (status === 429) return '429'
  if (status >= 200 && status < 300) return '2xx'
  if (status >= 300 && status < 400) return '3xx'
  return status >= 400 && status < 500 ? '4xx' : '5xx'
}

/** `Location` of a redirect (RFC 9110 section 10.2.2) as an absolute URL; its query may be a secret, so it is dropped. */
export function locationOf(status: number, headers: Headers, asked: URL): string | null {
  const location = first(headers.location)
  if (outcomeOf(status) !== '3xx' || location === undefined || !URL.canParse(location, asked.href))
    return null
  const url = new URL(location, asked)
  url.search = ''
  url.hash = ''
  url.username = ''
  url.password = ''
  return url.href.slice(0, LOCATION_LENGTH)
}

/**
 * `Retry-After` of a 429 or 503 in ms, 0 to 1 h (RFC 9110 section 10.2.3: seconds or a date).
 *
 * @param nowMs the time now, for a date
 */
export function retryAfterOf(status: number, headers: Headers, nowMs: number): number | null {
  const text = status === 429 || status === 503 ? first(headers['retry-after'])?.trim() : undefined
  if (text === undefined) return null
  const askedMs = /^\d+$/.test(text) ? Number(text) * 1000 : dateMs(text) - nowMs
  return Number.isNaN(askedMs) ? null : Math.min(Math.max(askedMs, 0), RETRY_AFTER_AT_MOST_MS)
}

/** The form that servers send ("Sun, 06 Nov 1994 08:49:37 GMT"); anything looser is not a date of HTTP. */
function dateMs(text: string): number {
  return /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)
    ? Date.parse(text)
    : Number.NaN
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
