/**
 * Addresses that work without anything else until their time is over: HMAC-SHA256 over method, path, expiry and
 * disposition, with a key of the store. They are for GET and HEAD, and die with the key.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Secrets } from '../../core/database/secret.ts'
import { InvalidSignatureError, SignatureExpiredError } from './errors.ts'

const keyName = 'artifact_url'
const keyIdLength = 8
const secondMs = 1000

/** What of the query of an address is signed, and the signature. */
export interface SignedQuery {
  readonly disposition?: string
  /** Seconds since 1970. */
  readonly exp?: string
  /** Which key made the signature. */
  readonly kid?: string
  readonly sig?: string
}

/** The address of `path` that holds until `expiresAt`, ms since 1970; a part of a second is not counted. */
export function signPath(secrets: Secrets, path: string, expiresAt: number, disposition?: string): string {
  const key = secrets.make(keyName)
  const exp = String(Math.floor(expiresAt / secondMs))
  const sig = macOf(key, path, exp, disposition).toString('base64url')
  const query = new URLSearchParams({ exp, kid: idOf(key), sig })
  if (disposition !== undefined) query.set('disposition', disposition)
  return `${path}?${query}`
}

/** Whether a query has anything of a signature. */
export function isSigned({ exp, kid, sig }: SignedQuery): boolean {
  return exp !== undefined || kid !== undefined || sig !== undefined
}

/** @throws {InvalidSignatureError} {SignatureExpiredError} where the signature does not open `path` at `now`, in ms */
export function checkSignature(secrets: Secrets, path: string, query: SignedQuery, now: number): void {
  const { exp = '', kid, sig = '', disposition } = query
  const key = secrets.find(keyName)
  if (key === undefined || kid !== idOf(key)) throw new InvalidSignatureError()
  const given = Buffer.from(sig, 'base64url')
  const wanted = macOf(key, path, exp, disposition)
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new InvalidSignatureError()
  if (now >= Number(exp) * secondMs) throw new SignatureExpiredError()
}

function macOf(key: Buffer, path: string, exp: string, disposition = ''): Buffer {
  return createHmac('sha256', key).update(['GET', path, exp, disposition].join('\n')).digest()
}

/** Tells keys apart without telling anything of them. */
function idOf(key: Buffer): string {
  return createHash('sha256').update('kid').update(key).digest('hex').slice(0, keyIdLength)
}
