/**
 * `keep_alive`: how long the target keeps a model after a request.
 *
 * A number is seconds, a string is a Go duration, a negative one of either means for ever, zero means unload as soon
 * as idle. Source: ollama/ollama api/types.go, `Duration.UnmarshalJSON`.
 */
import { parseGoDuration } from './go-duration.ts'
import { JsonTypeError } from './json-bind.ts'
import { type JsonValue, numberOf, stringOf } from './json-scan.ts'

/** A policy's value: seconds (`-1` for ever) or a Go duration such as `30m`. A string of digits is seconds too. */
export type KeepAlive = number | string

/** The target counts in nanoseconds: what is less is zero to it. */
const NANOSECOND_MS = 1e-6

/** A policy's value as JSON that the target accepts. */
export function keepAliveJson(value: KeepAlive): number | string {
  return typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
}

/**
 * Reads a `keep_alive` value that is not `null`.
 *
 * @returns milliseconds, `Infinity` for ever
 * @throws {JsonTypeError} where the target answers 400, a string without a unit such as `"-1"` included
 */
export function readKeepAlive(json: Buffer, value: JsonValue): number {
  const ms = durationOf(json, value)
  if (ms === undefined || !Number.isFinite(ms)) throw new JsonTypeError(value, 'a duration')
  if (Math.abs(ms) < NANOSECOND_MS) return 0
  return ms < 0 ? Number.POSITIVE_INFINITY : ms
}

function durationOf(json: Buffer, value: JsonValue): number | undefined {
  if (value.kind === 'string') return parseGoDuration(stringOf(json, value))
  return value.kind === 'number' ? numberOf(json, value) * 1000 : undefined
}
