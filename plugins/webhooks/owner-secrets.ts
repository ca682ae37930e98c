/** What the jobs of an owner are signed with where they bring no secret of their own. Made at its first use, sealed. */
import type { Database, Statement } from 'better-sqlite3'
import type { SealedBox } from './signing/sealed-box.ts'
import { newSecret } from './signing/secret-text.ts'

interface Row {
  readonly secret: Buffer
  readonly previousSecret: Buffer | null
  readonly previousUntil: number | null
}

/** A secret to be shown. */
export interface ShownSecret {
  readonly secret: Buffer
  /** Until then, ms since 1970, jobs are signed with the one before as well. */
  readonly previousUntil: number | null
}

/** One a owner. */
export class OwnerSecrets {
  readonly #box: SealedBox
  readonly #find: Statement
  readonly #put: Statement

  constructor(db: Database, box: SealedBox) {
    this.#box = box
    this.#find = db.prepare(
      `SELECT secret, previous_secret AS previousSecret, previous_until AS previousUntil FROM webhook_secret
        WHERE owner = ?`
    )
    this.#put = db.prepare(
      `INSERT OR REPLACE INTO webhook_secret (owner, secret, previous_secret, previous_until)
        VALUES (@owner, @secret, @previousSecret, @previousUntil)`
    )
  }

  /** What to sign with, the newest first; undefined where the key of what is sealed was lost. */
  of(owner: string, now: number): Buffer[] | undefined {
    const row = this.#find.get(owner) as Row | undefined
    if (row === undefined) return [this.#make(owner)]
    const secret = this.#box.open(owner, row.secret)
    if (secret === undefined) return undefined
    const before =
      row.previousSecret !== null && (row.previousUntil ?? 0) > now ? row.previousSecret : undefined
    const previous = before && this.#box.open(owner, before)
    return previous === undefined ? [secret] : [secret, previous]
  }

  /** The newest, made where there is none; undefined where the key of what is sealed was lost. */
  shown(owner: string, now: number): ShownSecret | undefined {
    const secret = this.of(owner, now)?.[0]
    if (secret === undefined) return undefined
    const { previousUntil } = this.#find.get(owner) as Row
    return { secret, previousUntil: (previousUntil ?? 0) > now ? previousUntil : null }
  }

  /** Another one. Both sign for another `overlapMs`; one that cannot be opened any more is forgotten. */
  rotate(owner: string, overlapMs: number, now: number): Buffer {
    const before = this.of(owner, now)?.[0]
    const secret = newSecret()
    this.#put.run({
      owner,
      secret: this.#box.seal(owner, secret),
      previousSecret: before === undefined ? null : this.#box.seal(owner, before),
      previousUntil: before === undefined ? null : now + overlapMs
    })
    return secret
  }

  #make(owner: string): Buffer {
    const secret = newSecret()
    const sealed = this.#box.seal(owner, secret)
    this.#put.run({ owner, secret: sealed, previousSecret: null, previousUntil: null })
    return secret
  }
}
