/** Idempotency keys. */

/** A new one: 128 random bits. */
export function newKey(): string {
  // `randomUUID` is not there for pages that came by plain http.
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')
}
