/** A webhook that came, read as its receiver should: verified first, by the official library. */
import { Webhook } from 'standardwebhooks'
import type { Visit } from './visits.ts'

/** What the body says. */
export interface Message {
  readonly type: string
  /** RFC 3339: when it happened. */
  readonly timestamp: string
  readonly data: { readonly id: string; readonly seq: number; readonly state: string } & Readonly<
    Record<string, unknown>
  >
}

/** One of them. */
export interface Received extends Visit {
  readonly request: NonNullable<Visit['request']>
  /** The header `webhook-id`. */
  readonly id: string
  readonly message: Message
}

/**
 * Reads a visit that is no older than five minutes, as long as the library trusts a message.
 * @param secret `whsec_…`
 * @throws {Error} where nobody with the secret has signed it
 */
export function receive(visit: Visit, secret: string): Received {
  const { request } = visit
  if (request === undefined) throw new Error(`${visit.receiver} read no request`)
  const message = new Webhook(secret).verify(request.body, request.headers) as Message
  return { ...visit, request, id: request.headers['webhook-id']!, message }
}
