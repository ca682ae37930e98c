/**
 * Times as Go prints them: RFC 3339 with up to nine digits of fraction, trailing zeros cut.
 * Source: Go `time.RFC3339Nano`.
 */

/** A time in ms since 1970 as UTC, ending in `Z`. */
export function utcTime(atMs: number): string {
  const wholeMs = Math.floor(atMs / 1000) * 1000
  return `${new Date(wholeMs).toISOString().slice(0, 19)}${fraction(atMs - wholeMs)}Z`
}

/** A time in ms since 1970 with the server's own offset, such as `+02:00`; `Z` where that is UTC. */
export function localTime(atMs: number): string {
  const offsetMinutes = -new Date(atMs).getTimezoneOffset()
  if (offsetMinutes === 0) return utcTime(atMs)
  const sign = offsetMinutes < 0 ? '-' : '+'
  const minutes = Math.abs(offsetMinutes)
  const zone = [Math.floor(minutes / 60), minutes % 60].map(part => String(part).padStart(2, '0')).join(':')
  return utcTime(atMs + offsetMinutes * 60_000).replace('Z', `${sign}${zone}`)
}

function fraction(belowSecondMs: number): string {
  // A double holds a present-day time to about a quarter of a microsecond, so six digits are told.
  const digits = Math.min(999_999, Math.floor(belowSecondMs * 1000))
    .toString()
    .padStart(6, '0')
    .replace(/0+$/, '')
  return digits === '' ? '' : `.${digits}`
}

/** The present time in ms since 1970, finer than a millisecond. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

/** A span in ms as the whole nanoseconds that Ollama reports; never below 1. */
export function toNs(spanMs: number): number {
  return Math.max(1, Math.round(spanMs * 1e6))
}
