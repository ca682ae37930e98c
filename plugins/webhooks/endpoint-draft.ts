/** Reads what a caller wants of an endpoint, as far as no schema can tell. */
import type { Caller } from '../../core/access/caller.ts'
import { InsufficientScopeError } from '../../core/errors.ts'
import { nearestKey } from '../../core/settings/nearest-key.ts'
import type { EgressRules } from './egress/rules.ts'
import type { EndpointDraft } from './endpoint.ts'
import { readHeaders } from './endpoint-headers.ts'
import type { ChangeBody, CreateBody } from './endpoint-schemas.ts'
import { faultAt } from './errors.ts'
import { allTypes, defaultEvents, idlePattern, wantsTarget } from './event-types.ts'

const families = [...new Set(allTypes.map(type => `${type.split('.')[0]}.*`))]

/** What is given of it. @throws {ValidationFailedError} {InsufficientScopeError} {WebhookUrlRefusedError} */
export function changesOf(caller: Caller, body: ChangeBody, rules: EgressRules): Partial<EndpointDraft> {
  const { url, events, headers, ...rest } = body
  return {
    ...rest,
    ...(events !== undefined && { events: readEvents(caller, events) }),
    ...(headers !== undefined && { headers: readHeaders(headers) }),
    ...(url !== undefined && { url: rules.check(url).href })
  }
}

/** The whole of a new one. @throws as {@link changesOf} */
export function draftOf(caller: Caller, body: CreateBody, rules: EgressRules): EndpointDraft {
  const { all_owners: _, ...given } = body
  const { url, ...changes } = changesOf(caller, given, rules)
  return {
    ...{ events: defaultEvents, payload: 'full', format: 'standard', signing: 'hmac' },
    ...{ headers: {}, description: '' },
    ...changes,
    url: url!
  }
}

/** Whether it is told of the jobs of every owner. @throws {InsufficientScopeError} where only administrators may */
export function readAllOwners({ scopes }: Caller, { all_owners }: CreateBody): boolean {
  const mayAll = scopes.has('admin')
  if (all_owners === true && !mayAll) throw new InsufficientScopeError('admin')
  return all_owners ?? mayAll
}

/** Patterns that stand for something. @throws {ValidationFailedError} for the first that does not */
export function readPatterns(patterns: readonly string[], pointer: string): string[] {
  const idle = idlePattern(patterns, allTypes)
  if (idle === undefined) return [...new Set(patterns)]
  const nearest = nearestKey(idle, [...allTypes, ...families])
  const problem = `'${idle}' stands for no event; the nearest that does is ${nearest}`
  throw faultAt(`${pointer}/${patterns.indexOf(idle)}`, problem)
}

function readEvents({ scopes }: Caller, events: readonly string[]): string[] {
  const read = readPatterns(events, '/events')
  // What the target has is for those who may look at it.
  if (wantsTarget(read) && !scopes.has('models:read')) throw new InsufficientScopeError('models:read')
  return read
}
