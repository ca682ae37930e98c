/** Who makes a request, what is theirs, and how much they may ask for. */
import type { Priority } from '../jobs/priority.ts'
import { type Scope, scopes, withImplied } from './scopes.ts'

/** Whom every job belongs to where there are no tokens. */
export const soleOwner = 'local'

/** What a caller may not go beyond; what is left out is not limited. */
export interface Limits {
  /** Names of models, in any spelling of the target's; a `*` at the end stands for any rest. */
  readonly models?: readonly string[]
  /** The highest class its jobs may have. */
  readonly topPriority?: Priority
  /** Jobs of its owner that may wait at a time. */
  readonly maxQueued?: number
}

/** The one behind a request. */
export interface Caller {
  /** Jobs, artifacts, keys and webhooks of this name are theirs. */
  readonly owner: string
  /** Those given and those implied. */
  readonly scopes: ReadonlySet<Scope>
  readonly limits: Limits
  /** The id of the token that was shown; undefined where there are none. */
  readonly tokenId?: string
  /** Counts a job that it hands in, where they are counted. @throws a ForemanError for one too many, which is not counted */
  readonly countJob?: () => void
}

/** With no tokens everybody who can connect is the one owner, and may do everything. */
export const soleCaller: Caller = { owner: soleOwner, scopes: withImplied(scopes), limits: {} }

/** Whether what belongs to `owner` is there for the caller. */
export function sees(
  { owner, scopes }: Pick<Caller, 'owner' | 'scopes'>,
  thing: { readonly owner: string }
): boolean {
  return thing.owner === owner || scopes.has('admin')
}

/** The owner whose things alone a caller may see; undefined for one who sees all. */
export function ownerFilter({ owner, scopes }: Pick<Caller, 'owner' | 'scopes'>): string | undefined {
  return scopes.has('admin') ? undefined : owner
}
