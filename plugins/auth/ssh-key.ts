/**
 * Public keys as OpenSSH writes them: `ssh-ed25519 AAAA… comment`, one a line. Only ed25519 is read, the one type that the
 * `ollama` command signs with. The wire form in the middle word, the "blob", is the name of a key: one key has one spelling.
 * Sources: RFC 4253 section 6.6, RFC 8709 section 4, the AUTHORIZED_KEYS FILE FORMAT section of sshd(8).
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'

/** A key that was read. */
export interface PublicKey {
  /** Base64 of the wire form, always the same for a key. */
  readonly blob: string
  /** To verify with. */
  readonly key: KeyObject
  /** `SHA256:…`, as `ssh-keygen -l` shows it. */
  readonly fingerprint: string
  /** What stands behind the key, mostly `user@host`; fit to be shown. Absent where nothing does. */
  readonly comment?: string
}

const faults = {
  no_key: 'there is no key here. Hand in the line of ~/.ollama/id_ed25519.pub',
  private_key:
    'this is a private key, which nobody but its owner may have. Hand in the line of the file whose name ends in .pub',
  several_lines: 'one key on one line is expected here, and there are several lines',
  no_type: 'a public key is a line that begins with ssh-ed25519, as in ~/.ollama/id_ed25519.pub',
  other_type: 'keys of this type cannot be used, only ssh-ed25519. Make one with: ssh-keygen -t ed25519',
  not_base64:
    'the word after ssh-ed25519 is not base64 as ssh-keygen writes it. It may have been cut short or changed',
  truncated: 'the key was cut short. Hand in the whole line of the file whose name ends in .pub',
  type_mismatch: 'the line says ssh-ed25519, but the key in it is of another type',
  wrong_length: 'the key in the line does not have the 32 bytes of an ed25519 key',
  trailing_bytes: 'there is more in the line than one key'
} as const

/** A text is not one ed25519 public key. The message says what to do and holds nothing of the text. */
export class PublicKeyError extends Error {
  override readonly name = 'PublicKeyError'
  /** Which of the faults it is: `private_key`, `other_type`, … */
  readonly fault: keyof typeof faults

  constructor(fault: keyof typeof faults) {
    super(faults[fault])
    this.fault = fault
  }
}

const keyType = 'ssh-ed25519'
const keyBytes = 32
const longestComment = 255
const privateKeyMarks = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /^PuTTY-User-Key-File-/m,
  // "openssh-key-v1" in base64: the body of one whose first line was left behind.
  /^[ \t]*b3BlbnNzaC1rZXktdjE/m
]

/**
 * Reads a text with one key in it; blank lines and lines that begin with `#` do not count.
 * @throws {PublicKeyError}
 */
export function readPublicKey(text: string): PublicKey {
  if (privateKeyMarks.some(mark => mark.test(text))) throw new PublicKeyError('private_key')
  const lines = text.split(/[\r\n]+/).map(line => line.trim())
  const [line, ...more] = lines.filter(line => line !== '' && !line.startsWith('#'))
  if (line === undefined) throw new PublicKeyError('no_key')
  if (more.length > 0) throw new PublicKeyError('several_lines')
  return readLine(line)
}

/** The key of a blob, in its only spelling. @throws {PublicKeyError} */
export function keyOfBlob(blob: string): KeyObject {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: bareKey(wireForm(blob)).toString('base64url') }
  return createPublicKey({ key: jwk, format: 'jwk' })
}

function readLine(line: string): PublicKey {
  const [, type = '', blob, rest = ''] = /^(\S+)(?:[ \t]+(\S+))?(?:[ \t]+(.*))?$/.exec(line) ?? []
  if (type !== keyType) throw new PublicKeyError(isOtherType(type) ? 'other_type' : 'no_type')
  if (blob === undefined) throw new PublicKeyError('truncated')
  const comment = cleanComment(rest)
  return {
    blob,
    key: keyOfBlob(blob),
    fingerprint: fingerprintOf(blob),
    ...(comment === '' ? {} : { comment })
  }
}

// ssh-rsa, ecdsa-sha2-nistp256, sk-ssh-ed25519@openssh.com, certificates.
function isOtherType(word: string): boolean {
  return /^(?:ssh|ecdsa|sk|rsa)-[\w.@-]+$/.test(word)
}

/** The bytes of a word that is base64 as RFC 4648 section 4 would write those bytes, and no other way. */
function wireForm(blob: string): Buffer {
  const wire = Buffer.from(blob, 'base64')
  if (wire.toString('base64') !== blob) throw new PublicKeyError('not_base64')
  return wire
}

function bareKey(wire: Buffer): Buffer {
  const type = fieldAt(wire, 0)
  if (type.toString('latin1') !== keyType) throw new PublicKeyError('type_mismatch')
  const key = fieldAt(wire, 4 + type.length)
  if (key.length !== keyBytes) throw new PublicKeyError('wrong_length')
  if (wire.length !== 4 + type.length + 4 + key.length) throw new PublicKeyError('trailing_bytes')
  return key
}

/** A "string" of RFC 4251 section 5: its length in four bytes, then its bytes. */
function fieldAt(wire: Buffer, at: number): Buffer {
  if (wire.length < at + 4) throw new PublicKeyError('truncated')
  const end = at + 4 + wire.readUInt32BE(at)
  if (wire.length < end) throw new PublicKeyError('truncated')
  return wire.subarray(at + 4, end)
}

function fingerprintOf(blob: string): string {
  const hash = createHash('sha256').update(blob, 'base64').digest('base64')
  return `SHA256:${hash.replace(/=+$/, '')}`
}

// Others will read it in lists: nothing that moves a cursor or turns text around.
function cleanComment(text: string): string {
  const shown = text.replaceAll(/\p{C}/gu, '').trim()
  return [...shown].slice(0, longestComment).join('')
}
