/** Checks signatures as a receiver does, by the text of Standard Webhooks alone. */
import { createHmac, createPublicKey, type JsonWebKey, verify as verifySignature } from 'node:crypto'
import type { Received } from './stage.ts'

const signedText = ({ headers, body }: Received) =>
  `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`

function signatures({ headers }: Received, version: string): string[] {
  return String(headers['webhook-signature'])
    .split(' ')
    .map(signature => signature.split(','))
    .filter(([name]) => name === version)
    .map(([, signature]) => signature!)
}

/** Whether one of its signatures, or the `nth` from 0, is by this secret. */
export function verify(received: Received, secret: string, nth?: number): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const wanted = createHmac('sha256', key).update(signedText(received)).digest('base64')
  const given = signatures(received, 'v1')
  return nth === undefined ? given.includes(wanted) : given[nth] === wanted
}

/** Whether one of its signatures is by this key. */
export function verifyEd25519(received: Received, key: JsonWebKey): boolean {
  const publicKey = createPublicKey({ key, format: 'jwk' })
  const text = Buffer.from(signedText(received))
  return signatures(received, 'v1a').some(signature =>
    verifySignature(null, text, publicKey, Buffer.from(signature, 'base64'))
  )
}
