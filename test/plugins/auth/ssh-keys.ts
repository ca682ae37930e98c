/** Keys as OpenSSH writes them, made anew for a test. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** A pair: its public half as a line and as the blob in it, its private half to sign with. */
export interface TestKey {
  readonly line: string
  readonly blob: string
  readonly privateKey: KeyObject
}

/** A pair that nobody had before. */
export function newKey(comment = 'test@host'): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const bare = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url')
  const blob = blobOf('ssh-ed25519', bare)
  return { line: `ssh-ed25519 ${blob} ${comment}`, blob, privateKey }
}

/** Base64 of these fields in the wire form of RFC 4251 section 5. */
export function blobOf(...fields: readonly (string | Buffer)[]): string {
  const wires = fields.map(field => {
    const bytes = Buffer.from(field)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  })
  return Buffer.concat(wires).toString('base64')
}

/** What the `ollama` command would put into its `Authorization` header. */
export function authorizationOf({ blob, privateKey }: TestKey, text: string): string {
  return `${blob}:${sign(null, Buffer.from(text), privateKey).toString('base64')}`
}
