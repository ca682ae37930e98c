/** Who makes a request, and what is theirs. */
import { type Scope, scopes, withImplied } from './scopes.ts'

/** Whom every job belongs to where there are no tokens. */
export const soleOwner = 'local'

/** The one behind a request. */
export interface Caller {
  /** Jobs, artifacts, keys and webhooks of this name are theirs. */
  readonly owner: string
  /** Those given and those implied. */
  readonly scopes: ReadonlySet<Scope>
}

/** With no tokens everybody who can connect is the one owner, and may do everything. */
export const soleCaller: Caller = { owner: soleOwner, scopes: withImplied(scopes) }

/** Whether what belongs to `owner` is there for the caller. */
export function sees({ owner, scopes }: Caller, thing: { readonly owner: string }): boolean {
  return thing.owner === owner || scopes.has('admin')
}

/** The owner whose things alone a caller may see; undefined for one who sees all. */
export function ownerFilter({ owner, scopes }: Caller): string | undefined {
  return scopes.has('admin') ? undefined : owner
}
