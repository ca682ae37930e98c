/**
 * Durations as Go writes them ("5m", "1h30m", "-1s"): the form of `keep_alive` in Ollama's requests.
 *
 * Strict as Go is: nothing is trimmed, every number needs a unit, only a bare "0" (or "+0", "-0") does without.
 * Source: Go standard library, package time, func ParseDuration.
 */

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, micro sign
  μs: 1e-3, // U+03BC, Greek letter mu
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000
}

const ZERO = /^[+-]?0$/
const DURATION = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g

/** Go holds a duration as int64 nanoseconds and refuses what does not fit: about 292 years. */
const MAX_MS = 2 ** 63 / 1e6

/**
 * Reads a Go duration. Units are ns, us (also µs and μs), ms, s, m and h; signs and fractions are allowed.
 *
 * @returns milliseconds, a fraction where the text is finer than that, negative where it is signed so;
 *   `undefined` where Go would refuse the text, too long a duration included.
 */
export function parseGoDuration(text: string): number | undefined {
  if (ZERO.test(text)) return 0
  if (!DURATION.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(PART)) ms += Number(amount) * MS_PER_UNIT[unit!]!
  if (ms > MAX_MS) return undefined
  return text.startsWith('-') ? -ms : ms
}
