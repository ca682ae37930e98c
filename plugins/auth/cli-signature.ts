/**
 * The signature that the `ollama` command sends with `OLLAMA_AUTH=1`: `Authorization: <blob>:<signature>`, without a word for the
 * scheme, over the text `METHOD,PATH?ts=SECONDS`. PATH is the API's path, without the path in OLLAMA_HOST; `ts` goes in the query.
 * Neither the body nor other members of the query are signed: TLS has to guard those, and against a copy of the whole call
 * there is `seen-signatures.ts`. Source: ollama/ollama api/client.go and auth/auth.go.
 */
import { type KeyObject, verify } from 'node:crypto'

/** What a call shows: a key, which need not be a known one, and what it is said to have signed with it. */
export interface CliSignature {
  /** The public key, as `ssh-key.ts` spells it. */
  readonly blob: string
  /** 64 bytes in base64, in their only spelling. */
  readonly signature: string
}

/** The call that is to be signed. */
export interface SignedCall {
  readonly method: string
  /** As the request line has it, escapes and all, but for a prefix that only leads to foreman. */
  readonly path: string
  /** What stands behind the `?` of the request line; empty where there is none. */
  readonly query: string
  /** The time here, in ms. */
  readonly now: number
  /** How far `ts` may be from it, either way. */
  readonly windowMs: number
}

/** Why a signature does not hold. */
export type SignatureFault =
  /** The query has no `ts`, or more than one, or one that is not a time in seconds. */
  | { readonly ok: false; readonly why: 'no_ts' | 'two_ts' | 'bad_ts' }
  /** Another key, method, path or time was signed. */
  | { readonly ok: false; readonly why: 'bad_signature' }
  /** The key did sign this, but at a time too far from now: the caller's clock is ahead by so much, behind where negative. */
  | { readonly ok: false; readonly why: 'wrong_time'; readonly aheadMs: number }

/** What came of checking one. */
export type SignatureVerdict = { readonly ok: true } | SignatureFault

// 19 bytes in front of an ed25519 key never change: 25 characters, and of the next one the upper two bits. The last character
// of 64 bytes has four unused bits, which are 0. So each key and each signature has one spelling here.
const form = /^(AAAAC3NzaC1lZDI1NTE5AAAAI[A-P][A-Za-z0-9+/]{42}):([A-Za-z0-9+/]{85}[AQgw]==)$/
// As Go writes a number of seconds.
const seconds = /^[1-9]\d{0,11}$/

/** Reads the value of an `Authorization` header; undefined for what is of another form, as `Bearer …` is. */
export function readSignature(authorization: string): CliSignature | undefined {
  const [, blob, signature] = form.exec(authorization) ?? []
  return blob === undefined || signature === undefined ? undefined : { blob, signature }
}

/** Checks what a call shows against the key of its blob. Whether it came before is another question. Never throws. */
export function checkSignature(call: SignedCall, presented: CliSignature, key: KeyObject): SignatureVerdict {
  const [ts, second] = membersOf(call.query).filter(isTs)
  if (ts === undefined) return { ok: false, why: 'no_ts' }
  if (second !== undefined) return { ok: false, why: 'two_ts' }
  const time = ts.slice('ts='.length)
  if (!seconds.test(time)) return { ok: false, why: 'bad_ts' }
  // Before the time, so that nobody but the owner of a key is told about a clock.
  if (!isSigned(`${call.method},${call.path}?ts=${time}`, presented, key))
    return { ok: false, why: 'bad_signature' }
  const aheadMs = Number(time) * 1000 - call.now
  return Math.abs(aheadMs) <= call.windowMs ? { ok: true } : { ok: false, why: 'wrong_time', aheadMs }
}

/** The same URL without the time of a signature. Every other byte stays. */
export function withoutTs(url: string): string {
  const at = url.indexOf('?')
  if (at === -1) return url
  const others = membersOf(url.slice(at + 1)).filter(member => !isTs(member))
  const path = url.slice(0, at)
  return others.length === 0 ? path : `${path}?${others.join('&')}`
}

function membersOf(query: string): string[] {
  return query.split('&')
}

function isTs(member: string): boolean {
  return member === 'ts' || member.startsWith('ts=')
}

function isSigned(text: string, { signature }: CliSignature, key: KeyObject): boolean {
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'))
}
