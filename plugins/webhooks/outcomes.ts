/** Writes down what came of attempts, and of deliveries that need none. Each call is one transaction. */
import type { Database, Statement } from 'better-sqlite3'
import { type Attempt, type Delivery, isOpen } from './delivery.ts'
import type { Answer } from './egress/sender.ts'
import type { Outbox } from './outbox.ts'
import type { ReceiverStore } from './receiver-store.ts'
import type { Reason, Verdict } from './retry.ts'

// Nothing is kept of an answer to what is gone.
const insertAttempt = `INSERT INTO webhook_attempt
  (delivery_seq, n, at, duration_ms, outcome, status, location, address, error, response)
  VALUES (@seq, @n, @at, @durationMs, @outcome, @status, @location, @address, @error,
    (SELECT @response FROM webhook_message WHERE seq = @messageSeq))`

const moveDelivery = `UPDATE webhook_delivery SET state = @state, reason = @reason, attempts = @attempts, tries = @tries,
  due_at = @dueAt, settled_at = @settledAt WHERE seq = @seq`

/** Deliveries that are moved in one go. */
const batchSize = 500

/** Writes into one database. */
export class Outcomes {
  readonly #receivers: ReceiverStore
  readonly #outbox: Outbox
  readonly #insertAttempt: Statement
  readonly #move: Statement
  readonly #isOvertaken: Statement
  readonly #release: Statement
  readonly #jobsOf: Statement
  readonly #retire: Statement
  readonly #record: (delivery: Delivery, attempt: Attempt, verdict: Verdict, notBefore: number) => void
  readonly #settle: (delivery: Delivery, verdict: Verdict, now: number) => void
  readonly #retireSome: (receiverSeq: number, verdict: Verdict, now: number, jobSeq: number | null) => number

  constructor(db: Database, receivers: ReceiverStore, outbox: Outbox) {
    this.#receivers = receivers
    this.#outbox = outbox
    this.#insertAttempt = db.prepare(insertAttempt)
    this.#move = db.prepare(moveDelivery)
    this.#isOvertaken = db.prepare(
      'SELECT 1 FROM webhook_delivery WHERE job_id = @jobId AND receiver_seq = @receiverSeq AND seq > @seq AND is_end = 1'
    )
    this.#release = db.prepare(
      `DELETE FROM job_hold WHERE job_seq = @jobSeq AND NOT EXISTS
        (SELECT 1 FROM webhook_delivery WHERE job_id = @jobId AND state IN ('pending', 'retrying', 'held'))`
    )
    this.#jobsOf = db.prepare(
      `SELECT seq, job_seq AS jobSeq, job_id AS jobId FROM webhook_delivery
        WHERE receiver_seq = @receiverSeq AND ${isOpen} AND once = 0 AND (@jobSeq IS NULL OR job_seq = @jobSeq)
        LIMIT ${batchSize}`
    )
    this.#retire = db.prepare(
      'UPDATE webhook_delivery SET state = @state, reason = @reason, due_at = NULL, settled_at = @settledAt WHERE seq = @seq'
    )
    this.#record = db.transaction(
      (delivery: Delivery, attempt: Attempt, verdict: Verdict, notBefore: number) =>
        this.#write(delivery, attempt, verdict, notBefore)
    )
    this.#settle = db.transaction((delivery: Delivery, verdict: Verdict, now: number) => {
      this.#moveTo(delivery, verdict, now)
      this.#receivers.refresh(delivery.receiverSeq)
    })
    this.#retireSome = db.transaction(
      (receiverSeq: number, verdict: Verdict, now: number, jobSeq: number | null) =>
        this.#retireOpen(receiverSeq, verdict, now, jobSeq)
    )
  }

  /** Whether the end of its job is told, or to be told, by a later delivery to the same receiver. */
  isOvertaken(delivery: Delivery): boolean {
    return delivery.jobId !== null && this.#isOvertaken.get(delivery) !== undefined
  }

  /** An attempt is over. Where it failed, its receiver gets nothing before `notBefore`. */
  record(delivery: Delivery, answer: Answer, at: number, verdict: Verdict, notBefore = 0): void {
    const { outcome, status, location, address, error, durationMs, response } = answer
    const facts = { outcome, status, location, address, error, durationMs: Math.round(durationMs) }
    this.#record(delivery, { n: delivery.attempts + 1, at, ...facts, response }, verdict, notBefore)
  }

  /** A delivery is over without an attempt. */
  settle(delivery: Delivery, verdict: Verdict, now: number): void {
    this.#settle(delivery, verdict, now)
  }

  /** What is open for a receiver, or for a job there, is over: a part of it at a time. @returns how many that were */
  retire(receiverSeq: number, verdict: Verdict, now: number, jobSeq: number | null = null): number {
    return this.#retireSome(receiverSeq, verdict, now, jobSeq)
  }

  #write(delivery: Delivery, attempt: Attempt, verdict: Verdict, notBefore: number): void {
    const { seq, receiverSeq, messageSeq } = delivery
    const now = attempt.at + attempt.durationMs
    this.#insertAttempt.run({ seq, messageSeq, ...attempt })
    if (attempt.outcome === '2xx') this.#receivers.succeeded(receiverSeq)
    else this.#receivers.failed(receiverSeq, now, notBefore)
    this.#moveTo({ ...delivery, attempts: attempt.n, tries: delivery.tries + 1 }, verdict, now)
    this.#receivers.refresh(receiverSeq)
  }

  #moveTo(delivery: Delivery, { state, reason, dueAt }: Verdict, now: number): void {
    const { seq, attempts, tries } = delivery
    const settledAt = state === 'retrying' || state === 'held' ? null : now
    this.#move.run({ seq, state, reason: reason ?? null, attempts, tries, dueAt: dueAt ?? null, settledAt })
    if (state !== 'retrying') this.#leave(delivery, now)
    else if (tries === 1) this.#outbox.failedFirst(delivery, now)
  }

  #retireOpen(receiverSeq: number, { state, reason }: Verdict, now: number, jobSeq: number | null): number {
    const open = this.#jobsOf.all({ receiverSeq, jobSeq }) as Pick<Delivery, 'seq' | 'jobSeq' | 'jobId'>[]
    const settledAt = state === 'held' ? null : now
    for (const delivery of open) {
      this.#retire.run({ seq: delivery.seq, state, reason: reason ?? null, settledAt })
      this.#releaseJob(delivery)
    }
    this.#receivers.refresh(receiverSeq)
    return open.length
  }

  #leave(delivery: Delivery, now: number): void {
    this.#outbox.settled(delivery, now)
    this.#releaseJob(delivery)
  }

  #releaseJob({ jobSeq, jobId }: Pick<Delivery, 'jobSeq' | 'jobId'>): void {
    if (jobSeq !== null) this.#release.run({ jobSeq, jobId })
  }
}

/** A verdict on what was never tried. */
export function over(state: 'exhausted' | 'held', reason?: Reason): Verdict {
  return reason === undefined ? { state } : { state, reason }
}
