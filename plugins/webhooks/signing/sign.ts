/**
 * The three headers by which a receiver knows that a message is from this foreman, and when it was sent.
 *
 * Source: Standard Webhooks 1.0.0: `v1` is HMAC-SHA256, `v1a` is Ed25519 (RFC 8032), both over `id.timestamp.body`.
 */
import { createHmac, type KeyObject, sign } from 'node:crypto'

/** What a message is signed with, once by each. */
export interface Keys {
  /** The newest first; more than one during a rotation. */
  readonly secrets: readonly Buffer[]
  /** A private key, for receivers that wish to hold no secret. */
  readonly ed25519?: KeyObject
}

/** What is signed. */
export interface SignedParts {
  /** The same over all attempts. Has no dot, which would let one message pass for another. */
  readonly id: string
  /** When this attempt was made: whole seconds since 1970. */
  readonly atS: number
  /** As it goes over the wire, byte for byte; a string goes as UTF-8. */
  readonly body: string | Buffer
}

/** What a receiver verifies. */
export interface SignatureHeaders {
  readonly 'webhook-id': string
  readonly 'webhook-timestamp': string
  /** Signatures with a space between: those of the secrets in their order, then that of the Ed25519 key. */
  readonly 'webhook-signature': string
}

/** Signs a message by every key. */
export function signatureHeaders({ id, atS, body }: SignedParts, keys: Keys): SignatureHeaders {
  const head = `${id}.${atS}.`
  const signatures = keys.secrets.map(
    secret => `v1,${createHmac('sha256', secret).update(head).update(body).digest('base64')}`
  )
  if (keys.ed25519 !== undefined) {
    const whole = Buffer.concat([Buffer.from(head), typeof body === 'string' ? Buffer.from(body) : body])
    signatures.push(`v1a,${sign(null, whole, keys.ed25519).toString('base64')}`)
  }
  return { 'webhook-id': id, 'webhook-timestamp': String(atS), 'webhook-signature': signatures.join(' ') }
}
