/**
 * Headers at the border between a client and the target.
 *
 * foreman is an intermediary in the sense of RFC 9110: what belongs to one connection does not cross to the
 * other (section 7.6.1), nor do a client's credentials, nor what makes Ollama refuse a request that comes from a
 * browser page (`Origin`) or for another name than its own (`Host`).
 */

/** One header field: name in the spelling of the wire, value as latin1. */
export type HeaderField = readonly [name: string, value: string]

/** Header fields as Node's `rawHeaders` (name, value, name, value …) or as a record. */
export type RawHeaders = readonly string[] | Readonly<Record<string, string | readonly string[] | undefined>>

/** RFC 9110 section 7.6.1, with `Keep-Alive` and the `Proxy-` family of older texts. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings'
])

/**
 * What a client tells foreman and nobody else. `Accept-Encoding` is among them because foreman reads the answers
 * that pass through it, so it must not ask for compressed ones.
 */
const FOR_FOREMAN_ONLY = new Set([
  'accept-encoding',
  'authorization',
  'cookie',
  'cookie2',
  'expect',
  'host',
  'origin',
  'prefer',
  'x-api-key'
])

/**
 * The fields of a client's request that go on to the target, as a flat list in their order and spelling.
 *
 * Left out: hop-by-hop fields and those that `Connection` names, credentials (`Authorization`, `Cookie`,
 * `X-Api-Key`, `Proxy-*`), `Host`, `Origin`, `Expect`, `Prefer`, `Accept-Encoding` and every `Foreman-*`.
 */
export function forwardHeaders(raw: RawHeaders): string[] {
  const fields = toFields(raw)
  const named = namedByConnection(fields)
  const kept = fields.filter(([name]) => {
    const key = name.toLowerCase()
    return !isConnectionBound(key, named) && !FOR_FOREMAN_ONLY.has(key) && !key.startsWith('foreman-')
  })
  return kept.flat()
}

/**
 * The fields of the target's answer that go on to the client, in their order and spelling.
 *
 * Left out: hop-by-hop fields and those that `Connection` names, and `Foreman-*`, which only this foreman may
 * set: the target may be one too.
 */
export function cleanResponseHeaders(headers: readonly HeaderField[]): HeaderField[] {
  const named = namedByConnection(headers)
  return headers.filter(([name]) => {
    const key = name.toLowerCase()
    return !isConnectionBound(key, named) && !key.startsWith('foreman-')
  })
}

/** The first value of a field, by its lower-case name. */
export function headerValue(headers: readonly HeaderField[], name: string): string | undefined {
  return headers.find(([field]) => field.toLowerCase() === name)?.[1]
}

/** Any form of headers as a list of fields; a repeated field of a record becomes several. */
export function toFields(raw: RawHeaders): HeaderField[] {
  if (!isFlatList(raw)) {
    return Object.entries(raw).flatMap(([name, value]) =>
      (value === undefined ? [] : [value].flat()).map(single => [name, single] as const)
    )
  }
  const fields: HeaderField[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) fields.push([raw[index]!, raw[index + 1]!])
  return fields
}

function isFlatList(raw: RawHeaders): raw is readonly string[] {
  return Array.isArray(raw)
}

function isConnectionBound(key: string, named: ReadonlySet<string>): boolean {
  return HOP_BY_HOP.has(key) || named.has(key) || key.startsWith('proxy-')
}

/** Fields that `Connection` declares hop-by-hop, save those without which the message could not be read. */
function namedByConnection(fields: readonly HeaderField[]): ReadonlySet<string> {
  const named = new Set<string>()
  for (const [name, value] of fields) {
    if (name.toLowerCase() !== 'connection') continue
    for (const option of value.split(',')) named.add(option.trim().toLowerCase())
  }
  for (const needed of ['content-length', 'content-type', 'content-encoding']) named.delete(needed)
  return named
}
