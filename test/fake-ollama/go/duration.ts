/**
 * Go durations as text: `"5m"`, `"1h30m"`, `"-1s"`.
 * Source: Go `time.ParseDuration`.
 */
import { goQuote } from './json-write.ts'

const UNIT_MS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000
}

/** The longest Go duration in ms, about 292 years. */
export const MAX_DURATION_MS = 2 ** 63 / 1e6

/** Milliseconds of a Go duration. @throws {Error} worded as Go words it. */
export function parseGoDuration(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  let rest = text.replace(/^[+-]/, '')
  if (rest === '0') return 0
  if (rest === '') throw invalid(text)
  let totalMs = 0
  while (rest !== '') {
    const number = /^(?:\d+\.?\d*|\.\d+)/.exec(rest)?.[0]
    if (number === undefined) throw invalid(text)
    rest = rest.slice(number.length)
    const unit = /^[^.0-9]*/.exec(rest)?.[0] ?? ''
    if (unit === '') throw new Error(`time: missing unit in duration ${goQuote(text)}`)
    const unitMs = UNIT_MS[unit]
    if (unitMs === undefined)
      throw new Error(`time: unknown unit ${goQuote(unit)} in duration ${goQuote(text)}`)
    rest = rest.slice(unit.length)
    totalMs += Number(number) * unitMs
    if (totalMs > MAX_DURATION_MS) throw invalid(text)
  }
  return sign * totalMs
}

function invalid(text: string): Error {
  return new Error(`time: invalid duration ${goQuote(text)}`)
}
