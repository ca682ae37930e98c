/**
 * Holds a request against what its caller may not go beyond. Asked when a job or a call is let in, so that nothing is
 * loaded or swapped for one that is refused.
 */
import { ModelNotAllowedError, PriorityNotAllowedError } from '../errors.ts'
import { type Priority, rankOf } from '../jobs/priority.ts'
import { defaultHost, parseModelName } from '../target/model-name.ts'
import type { Caller, Limits } from './caller.ts'

type Limited = Pick<Caller, 'limits'>

/**
 * The class that a job of the caller gets: the one it asks for, or `fallback`, lowered to the highest it may have.
 * @throws {PriorityNotAllowedError} where it asks for more than that itself
 */
export function priorityFor(
  { limits: { topPriority } }: Limited,
  asked: Priority | undefined,
  fallback: Priority
): Priority {
  const wanted = asked ?? fallback
  if (topPriority === undefined || rankOf(wanted) <= rankOf(topPriority)) return wanted
  if (asked !== undefined) throw new PriorityNotAllowedError(asked, topPriority)
  return topPriority
}

/**
 * Lets a model pass that is on the caller's list, by the name as it is asked for: a copy under another name is another
 * model. Where no name is given the target says so, and nobody else.
 * @throws {ModelNotAllowedError}
 */
export function requireModel(caller: Limited, name: string): void {
  if (name !== '' && !mayUse(caller, name)) throw new ModelNotAllowedError(name)
}

/** Whether a model is on the caller's list, or the caller has none. */
export function mayUse({ limits: { models } }: Limited, name: string): boolean {
  return models === undefined || isListed(models, name)
}

/** In any spelling of the target's. What the target does not take for a name is on no list. */
function isListed(models: NonNullable<Limits['models']>, name: string): boolean {
  const asked = parseModelName(name)
  if (asked === undefined) return false
  return models.some(entry => {
    if (entry.endsWith('*')) return startsAs(asked, entry.slice(0, -1).trim().toLowerCase())
    const listed = parseModelName(entry)
    return listed?.key === asked.key && listed.cloud === asked.cloud
  })
}

/** The beginning is one of the short form, unless it names the default host or namespace itself. */
function startsAs({ key, display }: { key: string; display: string }, beginning: string): boolean {
  const bare = beginning.replace(/^[a-z]+:\/\//, '')
  const whole = bare.startsWith('library/') ? `${defaultHost}/${bare}` : bare
  return (whole.startsWith(`${defaultHost}/`) ? key : display.toLowerCase()).startsWith(whole)
}
