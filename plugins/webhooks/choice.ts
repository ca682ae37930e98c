/**
 * Chooses what is sent next, at the same cost whatever waits: the receiver that something is due for, then its delivery
 * that is due first. A receiver that nothing is under way to comes before one that is busy, so that slow ones do not take
 * all there is.
 */
import type { Database, Statement } from 'better-sqlite3'
import { type Delivery, type DeliveryRow, deliveryColumns, toDelivery } from './delivery.ts'
import type { Receiver, ReceiverStore } from './receiver-store.ts'

/** What is under way. Small: as many as there may be attempts at a time. */
export class InFlight {
  readonly #deliveries = new Map<number, Delivery>()

  get size(): number {
    return this.#deliveries.size
  }

  has(seq: number): boolean {
    return this.#deliveries.has(seq)
  }

  add(delivery: Delivery): void {
    this.#deliveries.set(delivery.seq, delivery)
  }

  remove({ seq }: Delivery): void {
    this.#deliveries.delete(seq)
  }

  /** How many go to each receiver. */
  perReceiver(): Map<number, number> {
    const counts = new Map<number, number>()
    for (const { receiverSeq } of this.#deliveries.values())
      counts.set(receiverSeq, (counts.get(receiverSeq) ?? 0) + 1)
    return counts
  }

  /** Of all of them. */
  seqs(): number[] {
    return [...this.#deliveries.keys()]
  }

  to(receiverSeq: number): Delivery[] {
    return [...this.#deliveries.values()].filter(delivery => delivery.receiverSeq === receiverSeq)
  }
}

/** What is to be sent, and to whom. */
export interface Due {
  readonly delivery: Delivery
  readonly receiver: Receiver
}

/** Reads of one database. */
export class Choice {
  readonly #receivers: ReceiverStore
  readonly #perReceiver: number
  readonly #dueReceiver: Statement
  readonly #dueDelivery: Statement
  readonly #nextTime: Statement

  /** @param perReceiver most attempts to one receiver at a time */
  constructor(db: Database, receivers: ReceiverStore, perReceiver: number) {
    this.#receivers = receivers
    this.#perReceiver = perReceiver
    this.#dueReceiver = db
      .prepare(
        `SELECT seq FROM webhook_receiver WHERE due_at <= ? AND seq NOT IN (SELECT value FROM json_each(?))
          ORDER BY due_at LIMIT 1`
      )
      .pluck()
    this.#dueDelivery = db.prepare(
      `SELECT ${deliveryColumns} FROM webhook_delivery WHERE receiver_seq = @receiverSeq AND due_at <= @now
        AND seq NOT IN (SELECT value FROM json_each(@seqs))
        AND coalesce(job_seq, 0) NOT IN (SELECT value FROM json_each(@jobs)) ORDER BY due_at, seq LIMIT 1`
    )
    this.#nextTime = db.prepare('SELECT min(due_at) FROM webhook_receiver WHERE due_at > ?').pluck()
  }

  /** What goes now; undefined where nothing may. */
  next(now: number, inFlight: InFlight): Due | undefined {
    const counts = inFlight.perReceiver()
    const busy = [...counts.keys()]
    return (
      this.#of(now, inFlight, busy, counts) ??
      (busy.length > 0 ? this.#of(now, inFlight, [], counts) : undefined)
    )
  }

  /** When something is due that is not due yet, ms since 1970. */
  nextTime(now: number): number | undefined {
    return (this.#nextTime.get(now) as number | null) ?? undefined
  }

  #of(
    now: number,
    inFlight: InFlight,
    without: readonly number[],
    counts: ReadonlyMap<number, number>
  ): Due | undefined {
    const passed = [...without]
    for (;;) {
      const seq = this.#dueReceiver.get(now, JSON.stringify(passed)) as number | undefined
      if (seq === undefined) return undefined
      const receiver = this.#receivers.find(seq)
      const delivery = this.#mayTake(receiver, counts) ? this.#deliveryOf(receiver, now, inFlight) : undefined
      if (delivery !== undefined) return { delivery, receiver }
      passed.push(seq)
    }
  }

  /** One that failed last gets one at a time, until it takes one. */
  #mayTake({ seq, failures }: Receiver, counts: ReadonlyMap<number, number>): boolean {
    return (counts.get(seq) ?? 0) < (failures > 0 ? 1 : this.#perReceiver)
  }

  #deliveryOf({ seq }: Receiver, now: number, inFlight: InFlight): Delivery | undefined {
    const underWay = inFlight.to(seq)
    const row = this.#dueDelivery.get({
      receiverSeq: seq,
      now,
      seqs: JSON.stringify(underWay.map(delivery => delivery.seq)),
      jobs: JSON.stringify(underWay.map(({ jobSeq }) => jobSeq).filter(jobSeq => jobSeq !== null))
    })
    return toDelivery(row as DeliveryRow | undefined)
  }
}
