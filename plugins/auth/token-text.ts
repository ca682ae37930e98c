/**
 * The text of a token: `fm_<id>_<secret>`. The id is that of its row without `tok_`; the secret is 32 characters of base62
 * and 6 more that are a checksum of all before them. Whoever searches for leaked tokens can tell one from a look-alike
 * without asking anybody, and foreman refuses a typing error without asking its store.
 * Source of the form: GitHub, "Behind GitHub's new authentication token formats" (2021).
 */
import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

const prefix = 'fm_'
const idPrefix = 'tok_'
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const secretLength = 32
const checksumLength = 6
const pattern = /^fm_([0-7][0-9a-hjkmnp-tv-z]{25})_([0-9A-Za-z]{32})[0-9A-Za-z]{6}$/

/** What is in the text of a token. */
export interface TokenParts {
  /** `tok_…` */
  readonly id: string
  /** About 190 bits of chance, without the checksum. */
  readonly secret: string
}

/** A new text, with a new secret, for the token of this id (`tok_…`). */
export function makeTokenText(id: string): TokenParts & { readonly text: string } {
  const secret = Array.from({ length: secretLength }, () => digits[randomInt(digits.length)]).join('')
  const body = `${prefix}${id.slice(idPrefix.length)}_${secret}`
  return { id, secret, text: body + checksumOf(body) }
}

/** Takes a text apart; undefined for one that never was a token, a character that changed included. */
export function parseTokenText(text: string): TokenParts | undefined {
  const [, id, secret] = pattern.exec(text) ?? []
  if (id === undefined || secret === undefined) return undefined
  if (text.slice(-checksumLength) !== checksumOf(text.slice(0, -checksumLength))) return undefined
  return { id: idPrefix + id, secret }
}

/** CRC-32 in base62, the highest digit first. */
function checksumOf(body: string): string {
  let rest = crc32(body)
  let checksum = ''
  while (checksum.length < checksumLength) {
    checksum = digits[rest % digits.length] + checksum
    rest = Math.floor(rest / digits.length)
  }
  return checksum
}
