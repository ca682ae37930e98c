/** How a URL is shown: its query may be a secret of its owner's. */
import type { Caller } from '../../core/access/caller.ts'

/** Whole to its owner, without its query to an administrator. */
export function shownUrl({ owner }: Pick<Caller, 'owner'>, thing: { owner: string; url: string }): string {
  return thing.owner === owner ? thing.url : thing.url.replace(/\?.*$/s, '')
}
