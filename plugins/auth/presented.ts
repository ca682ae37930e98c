/** What a request shows of who makes it: the first that is there, of the ways that clients have. */
import type { FastifyRequest } from 'fastify'
import { type CliSignature, readSignature } from './cli-signature.ts'
import { prefixToken } from './path-prefix.ts'

/** What was shown. `unreadable`: an `Authorization` of a form that foreman does not know. */
export type Presented =
  | { readonly by: 'token'; readonly text: string }
  | { readonly by: 'signature'; readonly signature: CliSignature }
  | { readonly by: 'ticket'; readonly text: string }
  | { readonly by: 'unreadable' }
  | { readonly by: 'nothing' }

const subprotocol = 'foreman.bearer.'

/**
 * Reads it. A token in the address counts before all others: a client that was told an address alone often sends a made-up
 * key besides. A ticket is the last, and none of the others is ever read from a query.
 */
export function presentedBy({ raw, headers, query }: FastifyRequest): Presented {
  const text = prefixToken(raw)
  if (text !== undefined) return { by: 'token', text }
  if (headers.authorization !== undefined) return fromAuthorization(headers.authorization)
  const key = headers['x-api-key']
  if (typeof key === 'string') return { by: 'token', text: key }
  const offered = fromSubprotocols(headers['sec-websocket-protocol'])
  if (offered !== undefined) return { by: 'token', text: offered }
  const { ticket } = query as { ticket?: unknown }
  if (typeof ticket === 'string') return { by: 'ticket', text: ticket }
  return { by: 'nothing' }
}

function fromAuthorization(value: string): Presented {
  const bearer = /^bearer +(\S+)\s*$/i.exec(value)
  if (bearer !== null) return { by: 'token', text: bearer[1]! }
  const signature = readSignature(value)
  return signature === undefined ? { by: 'unreadable' } : { by: 'signature', signature }
}

/** Browsers can set no header of a WebSocket but this: the token in base64url, beside the protocol that is meant. */
function fromSubprotocols(value: string | undefined): string | undefined {
  const offered = value
    ?.split(',')
    .map(name => name.trim())
    .find(name => name.startsWith(subprotocol))
  return offered === undefined
    ? undefined
    : Buffer.from(offered.slice(subprotocol.length), 'base64url').toString('utf8')
}
