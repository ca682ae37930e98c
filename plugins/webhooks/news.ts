/** Events that are about no job: what happens at the target, and to the webhooks themselves. For standing endpoints alone. */
import type { Database } from 'better-sqlite3'
import type { Due } from './choice.ts'
import type { Answer } from './egress/sender.ts'
import type { Endpoint } from './endpoint.ts'
import { plainMessage } from './messages.ts'
import type { Outbox } from './outbox.ts'
import type { Recipients } from './recipients.ts'
import type { Verdict } from './retry.ts'

/** Writes them into the outbox. */
export class News {
  readonly #recipients: Recipients
  readonly #add: (type: string, data: object, at: number, owner?: string) => boolean
  readonly #test: (endpoint: Endpoint, now: number) => string

  constructor(db: Database, recipients: Recipients, outbox: Outbox) {
    this.#recipients = recipients
    this.#add = db.transaction((type: string, data: object, at: number, owner?: string) => {
      const wanting = this.#recipients.ofOther(type, owner)
      if (wanting.length > 0) outbox.add(plainMessage(type, data, at), wanting, Date.now())
      return wanting.length > 0
    })
    this.#test = db.transaction((endpoint: Endpoint, now: number) => {
      const data = { endpoint_id: endpoint.id, note: 'You asked for this message. Nothing has happened.' }
      const recipient = { ...this.#recipients.ofEndpoint(endpoint), isHeld: false, once: true }
      return outbox.add(plainMessage('webhook_endpoint.test', data, now), [recipient], now).ids[0]!
    })
  }

  /** Something happened at the target. @returns whether anybody is told */
  ofTarget(type: string, data: object, at: number): boolean {
    return this.#add(type, data, at)
  }

  /** An endpoint is told of nothing any more. @returns whether anybody is told */
  disabled({ id, url, owner, disabledReason, disabledAt }: Endpoint): boolean {
    const data = { endpoint_id: id, host: new URL(url).host, reason: disabledReason }
    return this.#add('webhook_endpoint.disabled', data, disabledAt!, owner)
  }

  /** A delivery was given up. One that is itself about webhooks tells of nothing more. @returns whether anybody is told */
  exhausted({ delivery }: Due, { outcome, status }: Answer, { reason }: Verdict, now: number): boolean {
    const { id, endpointId, jobId, eventId, type, owner, attempts } = delivery
    if (type.startsWith('webhook_')) return false
    const about = {
      delivery_id: id,
      endpoint_id: endpointId,
      job_id: jobId,
      event_id: eventId,
      event_type: type
    }
    const data = { ...about, reason, attempts: attempts + 1, outcome, status }
    return this.#add('webhook_delivery.exhausted', data, now, owner)
  }

  /** A message for an endpoint alone, sent once and at once. @returns the id of its delivery */
  test(endpoint: Endpoint, now: number): string {
    return this.#test(endpoint, now)
  }
}
