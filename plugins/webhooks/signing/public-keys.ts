/**
 * The Ed25519 key that `v1a` signatures are made with, and the half of it that everybody may have.
 *
 * Sources: RFC 8410 section 7 (PKCS #8), RFC 8037 (JWK), RFC 7638 (the key's id), Standard Webhooks 1.0.0 (`whpk_`).
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/** A public key as a JWK that also says how Standard Webhooks writes it. */
export interface PublicKey {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  /** Its 32 bytes in base64url. */
  readonly x: string
  /** Its thumbprint: the same for the same key, wherever it is computed. */
  readonly kid: string
  readonly use: 'sig'
  readonly alg: 'EdDSA'
  /** `whpk_` and its 32 bytes in base64. */
  readonly public_key: string
}

/** What stands in a PKCS #8 document before the 32 bytes of a private key. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The private key of a seed, which has 32 bytes: always the same one. */
export function ed25519Key(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' })
}

/** What `GET /webhook-keys` answers with: a JWK set of the public half of a private key. */
export function publicJwks(key: KeyObject): { readonly keys: readonly PublicKey[] } {
  const { x } = createPublicKey(key).export({ format: 'jwk' }) as { x: string }
  // RFC 7638: the required members alone, in the order of their names, without a space.
  const kid = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url')
  const publicKey = `whpk_${Buffer.from(x, 'base64url').toString('base64')}`
  return { keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA', public_key: publicKey }] }
}
