/** Sends again what is over: one delivery, or many of an endpoint. Under the same `webhook-id`, as receivers know it by that. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Database, Statement } from 'better-sqlite3'
import type { Delivery } from './delivery.ts'
import { wants } from './event-types.ts'
import type { ReceiverStore } from './receiver-store.ts'

/** Which deliveries of an endpoint. Times are ms since 1970, of what they tell. */
export interface Replay {
  readonly endpointId: string
  readonly since: number
  readonly until: number
  /** `exhausted`: what was not delivered, and what was held; `all`: whatever is over. */
  readonly state: 'exhausted' | 'all'
  /** Patterns of types. */
  readonly types: readonly string[]
}

const batchSize = 500

const states = {
  exhausted: ['exhausted', 'held', 'refused'],
  all: ['exhausted', 'held', 'refused', 'superseded', 'delivered']
} as const

type Found = Pick<Delivery, 'seq' | 'type' | 'receiverSeq' | 'jobSeq'>

/** Begins deliveries anew. */
export class Again {
  readonly #receivers: ReceiverStore
  readonly #begin: Statement
  readonly #hold: Statement
  readonly #find: Statement
  readonly #beginAll: (found: readonly Found[], now: number) => void

  constructor(db: Database, receivers: ReceiverStore) {
    this.#receivers = receivers
    this.#begin = db.prepare(
      `UPDATE webhook_delivery SET state = 'pending', reason = NULL, tries = 0, due_at = @now, queued_at = @now,
        settled_at = NULL WHERE seq = @seq AND message_seq IS NOT NULL`
    )
    this.#hold = db.prepare('INSERT OR IGNORE INTO job_hold (job_seq) VALUES (?)')
    this.#find = db.prepare(
      `SELECT seq, type, receiver_seq AS receiverSeq, job_seq AS jobSeq FROM webhook_delivery
        WHERE endpoint_id = @endpointId AND seq > @after AND happened_at >= @since AND happened_at < @until
          AND once = 0 AND message_seq IS NOT NULL AND state IN (SELECT value FROM json_each(@states)) ORDER BY seq LIMIT ${batchSize}`
    )
    this.#beginAll = db.transaction((found: readonly Found[], now: number) => {
      for (const delivery of found) this.#beginOne(delivery, now)
    })
  }

  /** Whether what it tells is still there. */
  isPossible({ messageSeq }: Delivery): boolean {
    return messageSeq !== null
  }

  /** One delivery goes at once. */
  redeliver(delivery: Delivery, now: number): void {
    this.#beginAll([delivery], now)
  }

  /** Many do, in their order; tests do not. @returns how many */
  async replay({ types, state, ...where }: Replay, now: number): Promise<number> {
    let [count, after] = [0, 0]
    for (;;) {
      const found = this.#find.all({ ...where, after, states: JSON.stringify(states[state]) }) as Found[]
      const last = found.at(-1)
      if (last === undefined) return count
      const wanted = found.filter(({ type }) => wants(types, type))
      this.#beginAll(wanted, now)
      count += wanted.length
      after = last.seq
      await nextTurn()
    }
  }

  #beginOne({ seq, receiverSeq, jobSeq }: Found, now: number): void {
    this.#begin.run({ seq, now })
    if (jobSeq !== null) this.#hold.run(jobSeq)
    this.#receivers.hurry(receiverSeq)
  }
}
