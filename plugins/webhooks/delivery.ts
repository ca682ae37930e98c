/** One message on its way to one receiver, and how it lies in its row. */
import type { Outcome } from './egress/sender.ts'
import type { DeliveryState, Reason } from './retry.ts'

/** Times are ms since 1970. */
export interface Delivery {
  readonly seq: number
  readonly id: string
  readonly owner: string
  readonly receiverSeq: number
  /** Null for the URL of a job. */
  readonly endpointId: string | null
  /** Null once the message is gone, with its job. */
  readonly messageSeq: number | null
  /** `webhook-id` of every attempt. */
  readonly eventId: string
  readonly type: string
  readonly jobId: string | null
  readonly jobSeq: number | null
  readonly url: string
  readonly state: DeliveryState
  readonly reason: Reason | null
  /** Over all time. */
  readonly attempts: number
  /** Since it was last begun. */
  readonly tries: number
  readonly once: boolean
  readonly dueAt: number | null
  /** When what it tells happened. */
  readonly happenedAt: number
  readonly createdAt: number
  readonly settledAt: number | null
}

/** A row as SQLite gives it under {@link deliveryColumns}. */
export interface DeliveryRow extends Omit<Delivery, 'once'> {
  readonly once: number
}

/** Every column under the name of its field, for SELECT. */
export const deliveryColumns = `seq, id, owner, receiver_seq AS receiverSeq, endpoint_id AS endpointId,
  message_seq AS messageSeq, event_id AS eventId, type, job_id AS jobId, job_seq AS jobSeq, url, state, reason, attempts,
  tries, once, due_at AS dueAt, happened_at AS happenedAt, created_at AS createdAt, settled_at AS settledAt`

/** Those that somebody still has to be told of. In SQL, as the partial indexes have it. */
export const isOpen = "state IN ('pending', 'retrying')"

/** The delivery of a row. */
export function toDelivery(row: DeliveryRow): Delivery
export function toDelivery(row: DeliveryRow | undefined): Delivery | undefined
export function toDelivery(row: DeliveryRow | undefined): Delivery | undefined {
  return row && { ...row, once: row.once === 1 }
}

/** One attempt, as it is kept. */
export interface Attempt {
  readonly n: number
  /** Its begin. */
  readonly at: number
  readonly durationMs: number
  readonly outcome: Outcome
  readonly status: number | null
  readonly location: string | null
  readonly address: string | null
  readonly error: string | null
  /** The first 4 KiB; null once its message is gone. */
  readonly response: Buffer | null
}
