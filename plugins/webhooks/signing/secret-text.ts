/**
 * How the secret that messages are signed with is written: `whsec_` and its bytes in base64.
 *
 * Source: Standard Webhooks 1.0.0, "Signature scheme": random, 24 to 64 bytes.
 */
import { randomBytes } from 'node:crypto'

const prefix = 'whsec_'
const newBytes = 32
const leastBytes = 24
const mostBytes = 64

/** A new secret: 32 random bytes. */
export function newSecret(): Buffer {
  return randomBytes(newBytes)
}

/** The text of a secret, as its receiver keeps it: `whsec_` and padded base64. */
export function secretText(secret: Buffer): string {
  return prefix + secret.toString('base64')
}

/**
 * The bytes of a secret that a user chose; undefined where it is none. The prefix must be there: without it a password
 * whose letters happen to be base64 would be taken, and sign with other bytes than its owner thinks.
 */
export function parseSecret(text: string): Buffer | undefined {
  if (!text.startsWith(prefix)) return undefined
  const encoded = text.slice(prefix.length)
  const secret = Buffer.from(encoded, 'base64')
  // Node skips what is not base64; the libraries of receivers refuse it.
  if (secret.toString('base64') !== encoded) return undefined
  return secret.length < leastBytes || secret.length > mostBytes ? undefined : secret
}
