/**
 * Keeps what must be read again but never in clear on the disk: the secrets that messages are signed with (HMAC needs
 * the key itself, so a digest will not do), and the header values of endpoints.
 *
 * AES-256-GCM with a new nonce each (NIST SP 800-38D), the owner as additional data.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const cipher = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

/** Seals under one key. What is sealed is one Buffer: nonce (12 bytes), tag (16 bytes), then as many as were given. */
export class SealedBox {
  readonly #key: Buffer

  /** @param key 32 bytes */
  constructor(key: Buffer) {
    this.#key = key
  }

  /** What only {@link open} for the same owner gives back. The same bytes are never sealed alike twice. */
  seal(owner: string, plain: Buffer): Buffer {
    const nonce = randomBytes(nonceBytes)
    const sealing = createCipheriv(cipher, this.#key, nonce, { authTagLength: tagBytes })
    sealing.setAAD(Buffer.from(owner))
    const sealed = Buffer.concat([sealing.update(plain), sealing.final()])
    return Buffer.concat([nonce, sealing.getAuthTag(), sealed])
  }

  /** What was sealed; undefined where it was under another key, for another owner, or was changed since. */
  open(owner: string, sealed: Buffer): Buffer | undefined {
    if (sealed.length < nonceBytes + tagBytes) return undefined
    const opening = createDecipheriv(cipher, this.#key, sealed.subarray(0, nonceBytes), {
      authTagLength: tagBytes
    })
    opening.setAAD(Buffer.from(owner))
    opening.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes))
    const plain = opening.update(sealed.subarray(nonceBytes + tagBytes))
    try {
      return Buffer.concat([plain, opening.final()])
    } catch {
      // GCM says no more than that the tag does not fit.
      return undefined
    }
  }
}
