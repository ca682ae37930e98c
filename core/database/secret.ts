/**
 * Keys that foreman makes for itself, each at its first use, and keeps in the store: sealed, so that a copy of the
 * database alone gives none of them away.
 *
 * AES-256-GCM with a new nonce each (NIST SP 800-38D) and the name of the secret as additional data, so that none can
 * be put in the place of another.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import createError from '@fastify/error'
import type { Database } from 'better-sqlite3'
import { findKey, makeKey } from './key-file.ts'

/** The key file and the secrets do not fit together. The process exits with 1. */
export const SecretKeyError = createError(
  'FOREMAN_SECRET_KEY_UNUSABLE',
  "the key file '%s' %s; put the right one there, or set secret_key_file to it. If it is lost, remove what it sealed " +
    '(sqlite3 foreman.db "DELETE FROM secret" in the data directory): foreman makes new keys, and tokens, signed ' +
    'addresses and cursors that it gave out are void'
)

const cipher = 'aes-256-gcm'
const secretBytes = 32
const nonceBytes = 12
const tagBytes = 16

interface Row {
  readonly name: string
  readonly nonce: Buffer
  readonly sealed: Buffer
  readonly tag: Buffer
}

/** The secrets of one database. */
export class Secrets {
  readonly #db: Database
  readonly #keyFile: string

  /** @throws {SecretKeyError} where there are secrets that the file does not open */
  constructor(db: Database, keyFile: string) {
    this.#db = db
    this.#keyFile = keyFile
    for (const row of db.prepare('SELECT * FROM secret').all() as Row[]) this.#open(row)
  }

  /** The secret of this name, as it is now; undefined before it was made. */
  find(name: string): Buffer | undefined {
    const row = this.#db.prepare('SELECT * FROM secret WHERE name = ?').get(name) as Row | undefined
    return row && this.#open(row)
  }

  /** The secret of this name: 32 random bytes, made where there is none; the key file too, where nothing is sealed yet. */
  make(name: string): Buffer {
    const found = this.find(name)
    if (found !== undefined) return found
    const secret = randomBytes(secretBytes)
    const nonce = randomBytes(nonceBytes)
    const sealing = createCipheriv(cipher, this.#key() ?? this.#makeKey(), nonce, { authTagLength: tagBytes })
    sealing.setAAD(Buffer.from(name))
    const sealed = Buffer.concat([sealing.update(secret), sealing.final()])
    this.#db
      .prepare('INSERT INTO secret (name, nonce, sealed, tag) VALUES (?, ?, ?, ?)')
      .run(name, nonce, sealed, sealing.getAuthTag())
    return secret
  }

  #open({ name, nonce, sealed, tag }: Row): Buffer {
    const key = this.#key()
    if (key === undefined)
      throw new SecretKeyError(this.#keyFile, 'is not there, and secrets are sealed with it')
    try {
      const opening = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes })
      opening.setAAD(Buffer.from(name)).setAuthTag(tag)
      return Buffer.concat([opening.update(sealed), opening.final()])
    } catch (cause) {
      throw new SecretKeyError(this.#keyFile, `does not open the secret '${name}'`, { cause })
    }
  }

  /** Kept once it was read: a file that is changed while foreman runs is noticed at the next start. */
  #kept: KeyObject | undefined

  #key(): KeyObject | undefined {
    try {
      this.#kept ??= findKey(this.#keyFile)
      return this.#kept
    } catch (err) {
      throw new SecretKeyError(this.#keyFile, `cannot be used (${(err as Error).message})`)
    }
  }

  #makeKey(): KeyObject {
    // Another key would hide that the right one is missing.
    const sealed = this.#db.prepare('SELECT count(*) FROM secret').pluck().get()
    if (sealed !== 0) throw new SecretKeyError(this.#keyFile, 'is not there, and secrets are sealed with it')
    try {
      this.#kept = makeKey(this.#keyFile)
      return this.#kept
    } catch (err) {
      throw new SecretKeyError(this.#keyFile, `cannot be made (${(err as Error).message})`)
    }
  }
}
