/** An endpoint as callers see it. */
import type { Caller } from '../../core/access/caller.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointObject } from './endpoint-schemas.ts'
import type { Receiver } from './receiver-store.ts'
import { shownUrl } from './shown-url.ts'

/** How it fares; undefined where nothing was sent to it yet. */
export type Health = Pick<Receiver, 'failures' | 'failingSince'> | undefined

/** Its object. */
export function endpointObject(caller: Caller, endpoint: Endpoint, health: Health): EndpointObject {
  const { id, owner, events, payload, format, signing, headerNames, description, seesAll } = endpoint
  const { disabledAt, disabledReason, createdAt, previousUntil } = endpoint
  const overlaps = previousUntil !== null && previousUntil > Date.now()
  return {
    ...{ id, owner, url: shownUrl(caller, endpoint), events: [...events], payload, format, signing },
    ...{ header_names: [...headerNames], description, all_owners: seesAll },
    state: disabledAt === null ? 'enabled' : 'disabled',
    disabled_at: timeOf(disabledAt),
    disabled_reason: disabledReason,
    created_at: new Date(createdAt).toISOString(),
    previous_secret_until: overlaps ? timeOf(previousUntil) : null,
    health: { failures: health?.failures ?? 0, failing_since: timeOf(health?.failingSince ?? null) }
  }
}

/** RFC 3339; null stays null. */
export function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
