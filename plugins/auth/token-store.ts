/**
 * Keeps tokens: of each the digest of its secret, never the secret. Every question is asked of the database, so that what
 * a command does beside the server holds from then on.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Database, Statement } from 'better-sqlite3'
import { durably, isStorageFailure } from '../../core/database/open.ts'
import type { Secrets } from '../../core/database/secret.ts'
import { newId } from '../../core/jobs/ids.ts'
import { TokenNotRotatableError } from './errors.ts'
import { isGood, type Token, type TokenDraft } from './token.ts'
import { makeTokenText, parseTokenText } from './token-text.ts'

/** A new token, and the only time that its text is there. */
export interface Issued {
  readonly token: Token
  readonly text: string
}

/** Whose token a text is, or why it opens nothing. That it is over is told to who has its secret alone. */
export type Verdict = { readonly token: Token } | { readonly refused: 'unknown' | 'expired' | 'revoked' }

/** A key that is not revoked stands for a token already. */
export class KeyEnrolledError extends Error {
  override readonly name = 'KeyEnrolledError'

  constructor({ id, name }: Token) {
    super(`this key is enrolled as ${id} (${name}); revoke that first`)
  }
}

interface Row {
  readonly id: string
  readonly owner: string
  readonly name: string
  readonly digest: Buffer | null
  readonly scopes: string
  readonly limits: string
  readonly created_at: number
  readonly expires_at: number | null
  readonly revoked_at: number | null
  readonly last_used_at: number | null
  readonly replaced_by: string | null
}

const minuteMs = 60_000

/** The tokens of one database. */
export class TokenStore {
  readonly #db: Database
  readonly #pepper: Buffer
  readonly #byId: Statement
  readonly #byKey: Statement
  readonly #digest: Statement
  readonly #touch: Statement

  constructor(db: Database, secrets: Secrets) {
    this.#db = db
    this.#pepper = secrets.make('token_pepper')
    this.#byId = db.prepare('SELECT * FROM token WHERE id = ?')
    this.#byKey = db.prepare('SELECT * FROM token WHERE public_key = ? ORDER BY seq DESC LIMIT 1')
    // The digest of another, which proves nothing, where there is no such token: an unknown id is as much work.
    this.#digest = db
      .prepare(
        `SELECT coalesce((SELECT digest FROM token WHERE id = ?),
           (SELECT digest FROM token WHERE digest IS NOT NULL LIMIT 1), zeroblob(32))`
      )
      .pluck()
    this.#touch = db.prepare('UPDATE token SET last_used_at = ? WHERE id = ?')
  }

  /** Makes a token of its own owner. Where `deliver`, which gets its text before it is kept, throws, there is none. */
  create(draft: TokenDraft, deliver: (text: string) => void = () => {}): Issued {
    const id = newId('tok')
    return this.#change(() => {
      const issued = this.#issue(id, id, draft)
      deliver(issued.text)
      return issued
    })
  }

  /** Makes a token that a key of the ollama CLI stands for. @throws {KeyEnrolledError} where one that is not revoked has it */
  addKey(draft: TokenDraft, publicKey: string): Token {
    const id = newId('tok')
    return this.#change(() => {
      const known = this.byKey(publicKey)
      if (known !== undefined && known.revokedAt === undefined) throw new KeyEnrolledError(known)
      this.#insert(id, id, draft, null, publicKey)
      return this.find(id)!
    })
  }

  /** The token of an id, good or not. */
  find(id: string): Token | undefined {
    return toToken(this.#byId.get(id) as Row | undefined)
  }

  /** The newest token of a key. */
  byKey(publicKey: string): Token | undefined {
    return toToken(this.#byKey.get(publicKey) as Row | undefined)
  }

  /** All, the oldest first. */
  list(): Token[] {
    return (this.#db.prepare('SELECT * FROM token ORDER BY seq').all() as Row[]).map(row => toToken(row)!)
  }

  /** Ends a token for good. One that is over stays as it is. */
  revoke(id: string, now: number): void {
    const end = this.#db.prepare('UPDATE token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL')
    this.#change(() => end.run(now, id))
  }

  /**
   * Puts a new token in the place of another: of the same owner, name, scopes, limits and end. The old one is good for
   * another `overlapMs`, or until its own end, if that is sooner.
   * @throws {TokenNotRotatableError} for a key, and for a token that is over or was rotated before
   */
  rotate(id: string, overlapMs: number, now: number): Issued {
    return this.#change(() => {
      const old = requireRotatable(this.find(id)!, now)
      const issued = this.#issue(newId('tok'), old.owner, old)
      const endsAt = Math.min(now + overlapMs, old.expiresAt ?? Number.POSITIVE_INFINITY)
      this.#db
        .prepare('UPDATE token SET expires_at = ?, replaced_by = ? WHERE id = ?')
        .run(endsAt, issued.token.id, id)
      return issued
    })
  }

  /** Whose token `text` is. Takes the same time whether there is such an id or not. */
  verify(text: string, now: number): Verdict {
    const parts = parseTokenText(text)
    if (parts === undefined) return { refused: 'unknown' }
    const digest = this.#digest.get(parts.id) as Buffer
    const token = timingSafeEqual(this.#digestOf(parts.secret), digest) ? this.find(parts.id) : undefined
    return token === undefined ? { refused: 'unknown' } : judge(token, now)
  }

  /** Notes that a token was used, once a minute at most. Where the disk takes nothing, that is not noted. */
  touch({ id, lastUsedAt = 0 }: Token, now: number): void {
    if (now - lastUsedAt < minuteMs) return
    try {
      this.#touch.run(now, id)
    } catch (err) {
      if (!isStorageFailure(err)) throw err
    }
  }

  /** What was said to be changed must be so after a power cut; and of two processes at once one waits for the other. */
  #change<T>(change: () => T): T {
    return durably(this.#db, () => this.#db.transaction(change).immediate())
  }

  #issue(id: string, owner: string, draft: TokenDraft): Issued {
    const { text, secret } = makeTokenText(id)
    this.#insert(id, owner, draft, this.#digestOf(secret), null)
    return { token: this.find(id)!, text }
  }

  #insert(id: string, owner: string, draft: TokenDraft, digest: Buffer | null, key: string | null): void {
    const { name, scopes, limits, expiresAt = null } = draft
    this.#db
      .prepare(
        `INSERT INTO token (id, owner, name, digest, public_key, scopes, limits, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
      )
      .run(
        id,
        owner,
        name,
        digest,
        key,
        JSON.stringify(scopes),
        JSON.stringify(limits),
        Date.now(),
        expiresAt
      )
  }

  #digestOf(secret: string): Buffer {
    return createHmac('sha256', this.#pepper).update(secret).digest()
  }
}

/** A token that was proved, or why it opens nothing any more. */
export function judge(token: Token, now: number): Verdict {
  if (isGood(token, now)) return { token }
  return { refused: token.revokedAt === undefined ? 'expired' : 'revoked' }
}

function requireRotatable(token: Token, now: number): Token {
  if (token.kind === 'key') throw new TokenNotRotatableError('it stands for a key: add another key instead')
  if (!isGood(token, now)) throw new TokenNotRotatableError('it is over: make a new one')
  if (token.replacedBy !== undefined) throw new TokenNotRotatableError(`${token.replacedBy} took its place`)
  return token
}

function toToken(row: Row | undefined): Token | undefined {
  if (row === undefined) return undefined
  return {
    id: row.id,
    owner: row.owner,
    name: row.name,
    kind: row.digest === null ? 'key' : 'secret',
    scopes: JSON.parse(row.scopes),
    limits: JSON.parse(row.limits),
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
    replacedBy: row.replaced_by ?? undefined
  }
}
