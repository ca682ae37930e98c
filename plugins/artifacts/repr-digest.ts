/** `Repr-Digest` (RFC 9530): the hash of a whole representation, whatever part of it is sent. */

const pattern = /(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/]{43}=):\s*(?:[,;]|$)/

/** The header for a SHA-256 in hex. */
export function reprDigest(digest: string): string {
  return `sha-256=:${Buffer.from(digest, 'hex').toString('base64')}:`
}

/**
 * The SHA-256 in a header, in hex; undefined where there is none, since hashes of other kinds may be ignored. One that
 * cannot be read is equal to no hash.
 */
export function readReprDigest(header: string | undefined): string | undefined {
  if (header === undefined || !/(?:^|,)\s*sha-256\s*=/i.test(header)) return undefined
  return Buffer.from(pattern.exec(header)?.[1] ?? '', 'base64').toString('hex')
}
