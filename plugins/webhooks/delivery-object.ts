/** A delivery as callers see it. */
import type { Caller } from '../../core/access/caller.ts'
import type { Attempt, Delivery } from './delivery.ts'
import type { ListedDelivery, WholeDelivery } from './delivery-schemas.ts'
import { timeOf } from './endpoint-object.ts'
import type { Engine } from './engine.ts'
import { shownUrl } from './shown-url.ts'

type Parts = Pick<Engine, 'dispatcher' | 'receivers' | 'deliveries'>

/** As lists show it. */
export function listedDelivery(parts: Parts, caller: Caller, delivery: Delivery): ListedDelivery {
  const { id, endpointId, jobId, eventId, type, state, reason, attempts } = delivery
  const isInFlight = parts.dispatcher.isInFlight(delivery)
  return {
    ...{ id, endpoint_id: endpointId, job_id: jobId, event_id: eventId, event_type: type },
    url: shownUrl(caller, delivery),
    state: isInFlight ? 'in_flight' : state,
    ...{ reason, attempt_count: attempts },
    next_attempt_at: isInFlight ? null : nextAttemptAt(parts, delivery),
    event_at: new Date(delivery.happenedAt).toISOString(),
    created_at: new Date(delivery.createdAt).toISOString(),
    settled_at: timeOf(delivery.settledAt)
  }
}

/** With what came of each attempt. */
export function wholeDelivery(parts: Parts, caller: Caller, delivery: Delivery): WholeDelivery {
  const isAdmin = caller.scopes.has('admin')
  const attempts = parts.deliveries.attempts(delivery).map(attempt => attemptObject(attempt, isAdmin))
  return { ...listedDelivery(parts, caller, delivery), attempts }
}

/** Its receiver may be left in peace for longer. */
function nextAttemptAt({ receivers }: Parts, { dueAt, receiverSeq }: Delivery): string | null {
  return dueAt === null ? null : timeOf(Math.max(dueAt, receivers.find(receiverSeq).notBefore))
}

/** Where a name leads inside a network is not for everybody (the address); an answer is text whatever it was. */
function attemptObject(attempt: Attempt, isAdmin: boolean): WholeDelivery['attempts'][number] {
  const { n, at, outcome, status, durationMs, address, location, error, response } = attempt
  return {
    ...{ n, at: new Date(at).toISOString(), outcome, status, duration_s: durationMs / 1000 },
    ...{ address: isAdmin ? address : null, location, error },
    response: response === null ? null : response.toString('utf8')
  }
}
