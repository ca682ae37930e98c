/** The `Accept` header, as far as foreman chooses by it (RFC 9110 section 12.5.1). */
import { lineTypes } from './line-streams.ts'

/** Whether lines are asked for by name, and more than one JSON document is. */
export function prefersLines(accept: string | undefined): boolean {
  const ranges = (accept ?? '').split(',').map(readRange)
  const quality = (types: readonly string[]) =>
    Math.max(0, ...ranges.filter(({ type }) => types.includes(type)).map(range => range.quality))
  return quality(lineTypes) > quality(['application/json'])
}

function readRange(text: string): { type: string; quality: number } {
  const [type = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase())
  const weight = parameters.find(parameter => parameter.startsWith('q='))
  return { type, quality: weight === undefined ? 1 : Number(weight.slice(2)) || 0 }
}
