/** What a token is. */
import type { Caller } from '../../core/access/caller.ts'
import { type Scope, scopes, withImplied } from '../../core/access/scopes.ts'
import { readLimits, type TokenLimits, type WrittenLimits } from './token-limits.ts'

/** A name of a token, for people, as JSON schema has it: nothing is in it that a terminal would obey. */
export const tokenName = { minLength: 1, maxLength: 100, pattern: '^[^\\u0000-\\u001f\\u007f]*$' } as const

/** What a new token is to be. */
export interface TokenDraft {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly limits: WrittenLimits
  /** Ms since 1970; left out: it does not expire. */
  readonly expiresAt?: number
}

/** A token, without its secret. Times are ms since 1970. */
export interface Token extends TokenDraft {
  readonly id: string
  /** The id of the first of its line of rotations: what one of them made belongs to all. */
  readonly owner: string
  /** `key`: a key of the ollama CLI stands for it. */
  readonly kind: 'secret' | 'key'
  readonly createdAt: number
  readonly revokedAt?: number
  readonly lastUsedAt?: number
  /** The token that took its place. */
  readonly replacedBy?: string
}

/** Whether it may be used at a time. */
export function isGood({ expiresAt, revokedAt }: Token, now: number): boolean {
  return revokedAt === undefined && (expiresAt === undefined || now < expiresAt)
}

/** The caller who shows it. */
export function callerOf({ id, owner, scopes: given, limits }: Token): Caller & { limits: TokenLimits } {
  return { owner, scopes: withImplied(given), tokenId: id, limits: readLimits(limits) }
}

/** A token as it is shown: never with its secret or a digest of it. */
export function tokenObject(token: Token) {
  const time = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString())
  return {
    id: token.id,
    name: token.name,
    kind: token.kind,
    owner: token.owner,
    scopes: scopes.filter(scope => token.scopes.includes(scope)),
    limits: token.limits,
    created_at: time(token.createdAt),
    expires_at: time(token.expiresAt),
    revoked_at: time(token.revokedAt),
    last_used_at: time(token.lastUsedAt),
    replaced_by: token.replacedBy ?? null
  }
}
