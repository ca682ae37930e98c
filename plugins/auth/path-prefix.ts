/**
 * `/t/<token>/…`, for clients that can be told an address and nothing else. The token is taken off before the request is
 * routed, so that nothing behind the door, and no log, has an address with a token in it.
 */
import type { IncomingMessage } from 'node:http'

const start = '/t/'
const tokens = new WeakMap<IncomingMessage, string>()

/** Takes the token off the address of a request. @returns the path and query without it */
export function takePrefix(raw: IncomingMessage & { originalUrl?: string }): string {
  const url = raw.url!
  if (!url.startsWith(start)) return url
  const token = /^[^/?]*/.exec(url.slice(start.length))![0]
  const rest = url.slice(start.length + token.length)
  tokens.set(raw, token)
  raw.originalUrl = rest.startsWith('/') ? rest : `/${rest}`
  return raw.originalUrl
}

/** The token that was taken off. */
export function prefixToken(raw: IncomingMessage): string | undefined {
  return tokens.get(raw)
}
