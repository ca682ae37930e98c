/**
 * Writes messages and whom they go to. All of it inside the transaction of who calls.
 *
 * Those of a job to one receiver go one after another: each waits for the one before, a minute at most where that fails,
 * and not at all for one that failed once the job has ended.
 */
import type { Database, Statement } from 'better-sqlite3'
import { newId } from '../../core/jobs/ids.ts'
import { isOpen } from './delivery.ts'
import type { ReceiverStore } from './receiver-store.ts'

/** What is told, whoever it is told to. */
export interface Message {
  /** `evt_…`: the id of the event. */
  readonly id: string
  readonly type: string
  /** The job it is about. */
  readonly job?: { readonly seq: number; readonly id: string }
  /** Nothing follows it. */
  readonly isEnd: boolean
  /** JSON, as `messages.ts` makes it. */
  readonly body: string
  /** When it happened, ms since 1970. */
  readonly at: number
}

/** Whom a message goes to. */
export interface Recipient {
  readonly owner: string
  readonly receiverSeq: number
  readonly endpointId: string | null
  readonly url: string
  /** It is kept for a replay, and not sent now. */
  readonly isHeld: boolean
  /** It is sent once, at once. */
  readonly once?: boolean
}

interface Neighbor {
  readonly state: 'pending' | 'retrying'
}

const insertDelivery = `INSERT INTO webhook_delivery (id, owner, receiver_seq, endpoint_id, message_seq, event_id, type,
  job_id, job_seq, is_end, once, url, state, due_at, happened_at, created_at, queued_at)
  VALUES (@id, @owner, @receiverSeq, @endpointId, @messageSeq, @eventId, @type, @jobId, @jobSeq, @isEnd, @once, @url,
    @state, @dueAt, @happenedAt, @createdAt, @createdAt)`

/** Writes into one database. */
export class Outbox {
  readonly #receivers: ReceiverStore
  readonly #orderWaitMs: number
  readonly #insertMessage: Statement
  readonly #insertDelivery: Statement
  readonly #hold: Statement
  readonly #lastOpen: Statement
  readonly #supersede: Statement
  readonly #letNextGo: Statement
  readonly #letNextGoLater: Statement

  /** @param orderWaitMs how long one that failed holds up the next */
  constructor(db: Database, receivers: ReceiverStore, orderWaitMs: number) {
    this.#receivers = receivers
    this.#orderWaitMs = orderWaitMs
    this.#insertMessage = db.prepare(
      'INSERT INTO webhook_message (id, job_seq, body, created_at) VALUES (?, ?, ?, ?)'
    )
    this.#insertDelivery = db.prepare(insertDelivery)
    this.#hold = db.prepare('INSERT OR IGNORE INTO job_hold (job_seq) VALUES (?)')
    this.#lastOpen = db.prepare(
      `SELECT state FROM webhook_delivery WHERE receiver_seq = ? AND job_seq = ? AND ${isOpen} ORDER BY seq DESC LIMIT 1`
    )
    this.#supersede = db.prepare(
      `UPDATE webhook_delivery SET state = 'superseded', due_at = NULL, settled_at = @now
        WHERE receiver_seq = @receiverSeq AND job_seq = @jobSeq AND ${isOpen} AND state = 'retrying'`
    )
    // The first that was not tried yet, of those that are behind `after`.
    const next = `seq = (SELECT seq FROM webhook_delivery WHERE receiver_seq = @receiverSeq AND job_seq = @jobSeq
      AND ${isOpen} AND state = 'pending' AND seq > @after ORDER BY seq LIMIT 1)`
    this.#letNextGo = db.prepare(
      `UPDATE webhook_delivery SET due_at = @at WHERE ${next} AND (due_at IS NULL OR due_at > @at)`
    )
    this.#letNextGoLater = db.prepare(
      `UPDATE webhook_delivery SET due_at = @at WHERE ${next} AND due_at IS NULL`
    )
  }

  /** Writes a message for those who want it. @returns the ids of its deliveries, and how many others it made needless */
  add(
    message: Message,
    recipients: readonly Recipient[],
    now: number
  ): { ids: string[]; superseded: number } {
    const { id, job, body } = message
    const written = this.#insertMessage.run(id, job?.seq ?? null, body, now)
    if (job !== undefined) this.#hold.run(job.seq)
    let superseded = 0
    const ids = recipients.map(recipient => {
      const { receiverSeq } = recipient
      if (message.isEnd && !recipient.isHeld) superseded += this.#supersedeFailed(receiverSeq, job!.seq, now)
      const delivery = this.#insert(message, recipient, Number(written.lastInsertRowid), now)
      if (recipient.once) this.#receivers.hurry(receiverSeq)
      else this.#receivers.refresh(receiverSeq)
      return delivery
    })
    return { ids, superseded }
  }

  /** A delivery is over: the next of its job goes. */
  settled({ receiverSeq, jobSeq, seq }: InChain, now: number): void {
    if (jobSeq !== null) this.#letNextGo.run({ receiverSeq, jobSeq, after: seq, at: now })
  }

  /** A delivery has failed for the first time: the next of its job does not wait for ever. */
  failedFirst({ receiverSeq, jobSeq, seq }: InChain, now: number): void {
    if (jobSeq === null) return
    this.#letNextGoLater.run({ receiverSeq, jobSeq, after: seq, at: now + this.#orderWaitMs })
  }

  #supersedeFailed(receiverSeq: number, jobSeq: number, now: number): number {
    const { changes } = this.#supersede.run({ receiverSeq, jobSeq, now })
    if (changes > 0) this.#letNextGo.run({ receiverSeq, jobSeq, after: 0, at: now })
    return changes
  }

  #insert(message: Message, recipient: Recipient, messageSeq: number, now: number): string {
    const { job, isEnd } = message
    const { isHeld, once = false, ...whom } = recipient
    const id = newId('dlv')
    this.#insertDelivery.run({
      ...whom,
      id,
      messageSeq,
      eventId: message.id,
      type: message.type,
      jobId: job?.id ?? null,
      jobSeq: job?.seq ?? null,
      isEnd: isEnd ? 1 : 0,
      once: once ? 1 : 0,
      state: isHeld ? 'held' : 'pending',
      dueAt: isHeld ? null : this.#turnOf(whom.receiverSeq, job?.seq, now),
      happenedAt: message.at,
      createdAt: now
    })
    return id
  }

  /** When it may go; null while one that was not tried yet comes first. */
  #turnOf(receiverSeq: number, jobSeq: number | undefined, now: number): number | null {
    if (jobSeq === undefined) return now
    const before = this.#lastOpen.get(receiverSeq, jobSeq) as Neighbor | undefined
    if (before === undefined) return now
    return before.state === 'retrying' ? now + this.#orderWaitMs : null
  }
}

/** What says where a delivery stands in the order of its job. */
interface InChain {
  readonly seq: number
  readonly receiverSeq: number
  readonly jobSeq: number | null
}
