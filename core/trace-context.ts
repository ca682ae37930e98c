/**
 * The trace that a request belongs to, by its header `traceparent`. foreman hands it on and makes none of its own; what cannot
 * be read counts as absent, and is never an error.
 * Source: https://www.w3.org/TR/trace-context/#traceparent-header
 */
import type { IncomingMessage } from 'node:http'

/** The header as it is handed on: of version 00, 55 characters. */
export interface Trace {
  readonly traceparent?: string
}

/** Ids of zeros alone are none, and so is the version `ff`. */
const fields = /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
/** The one flag of later versions that is known to mean the same. */
const sampled = 0x01

/**
 * That of a request; nothing where it has none, more than one, or one that cannot be read. A later version becomes 00: of
 * what it says the two ids and whether it was sampled can be read.
 */
export function traceOf(raw: Pick<IncomingMessage, 'headers' | 'headersDistinct'>): Trace {
  // The fields apart from each other are made of all headers when they are first asked for, so not for every request.
  const values = raw.headers.traceparent === undefined ? [] : raw.headersDistinct.traceparent!
  const traceparent = values.length === 1 ? read(values[0]!) : undefined
  return traceparent === undefined ? {} : { traceparent }
}

function read(text: string): string | undefined {
  const [, version, ids, flags, more] = fields.exec(text) ?? []
  if (version === undefined) return undefined
  if (version === '00') return more === undefined ? text : undefined
  const isSampled = (Number.parseInt(flags!, 16) & sampled) === sampled
  return `00-${ids}-${isSampled ? '01' : '00'}`
}
