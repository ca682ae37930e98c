/** The `Accept` header, as far as foreman chooses by it (RFC 9110 section 12.5.1). */
import { lineTypes } from './line-streams.ts'

interface Range {
  readonly type: string
  readonly quality: number
}

/** Whether lines are asked for by name, and more than one JSON document is. */
export function prefersLines(accept: string | undefined): boolean {
  const ranges = readRanges(accept)
  const quality = (types: readonly string[]) =>
    Math.max(0, ...ranges.filter(({ type }) => types.includes(type)).map(range => range.quality))
  return quality(lineTypes) > quality(['application/json'])
}

/** Whether a stream of events is asked for by name, and no less than one JSON document is. */
export function prefersEventStream(accept: string | undefined): boolean {
  const ranges = readRanges(accept)
  // The closest range counts, whatever others say.
  const quality = (...closestFirst: string[]) =>
    closestFirst.map(name => ranges.find(({ type }) => type === name)).find(range => range !== undefined)
      ?.quality ?? 0
  const stream = quality('text/event-stream')
  return stream > 0 && stream >= quality('application/json', 'application/*', '*/*')
}

function readRanges(accept: string | undefined): Range[] {
  return (accept ?? '').split(',').map(readRange)
}

function readRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase())
  const weight = parameters.find(parameter => parameter.startsWith('q='))
  return { type, quality: weight === undefined ? 1 : Number(weight.slice(2)) || 0 }
}
