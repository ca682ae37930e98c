/** Reads deliveries and their attempts. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Database, Statement } from 'better-sqlite3'
import {
  type Attempt,
  type Delivery,
  type DeliveryRow,
  deliveryColumns,
  isOpen,
  toDelivery
} from './delivery.ts'

/** Which deliveries; what is left out is not asked for. */
export interface DeliveryFilter {
  readonly owner?: string | undefined
  readonly endpointId?: string | undefined
  readonly jobId?: string | undefined
  readonly state?: string | undefined
  /** Their `seq`. */
  readonly among?: readonly number[] | undefined
  readonly without?: readonly number[] | undefined
}

const conditions = {
  owner: 'owner = @owner',
  endpointId: 'endpoint_id = @endpointId',
  jobId: 'job_id = @jobId',
  state: 'state = @state',
  among: 'seq IN (SELECT value FROM json_each(@among))',
  without: 'seq NOT IN (SELECT value FROM json_each(@without))'
} as const

/** Rows that are looked at in one go: what is asked for may be rare. */
const sliceRows = 10_000

const attemptColumns = 'n, at, duration_ms AS durationMs, outcome, status, location, address, error, response'

// Left to itself, SQLite reads all that is open by the index on the state.
const oldestOpen = `SELECT min(queued_at) FROM webhook_delivery INDEXED BY webhook_delivery_oldest WHERE ${isOpen}`

/** Of one database. */
export class DeliveryLog {
  readonly #db: Database
  readonly #find: Statement
  readonly #attempts: Statement
  readonly #open: Statement
  readonly #oldest: Statement
  readonly #held: Statement
  readonly #ends: Statement

  constructor(db: Database) {
    this.#db = db
    this.#find = db.prepare(`SELECT ${deliveryColumns} FROM webhook_delivery WHERE id = ?`)
    this.#attempts = db.prepare(
      `SELECT ${attemptColumns} FROM webhook_attempt WHERE delivery_seq = ? ORDER BY n`
    )
    this.#held = db
      .prepare(
        `SELECT count(*) FROM webhook_delivery WHERE endpoint_id = ? AND state = 'held' AND message_seq IS NOT NULL`
      )
      .pluck()
    this.#ends = db.prepare(
      'SELECT (SELECT min(seq) FROM webhook_delivery) AS first, (SELECT max(seq) FROM webhook_delivery) AS last'
    )
    this.#open = db.prepare('SELECT open FROM webhook_total').pluck()
    this.#oldest = db.prepare(oldestOpen).pluck()
  }

  find(id: string): Delivery | undefined {
    return toDelivery(this.#find.get(id) as DeliveryRow | undefined)
  }

  /** The newest `limit` from before `beforeSeq` on; a slice at a time, with a turn for others between. */
  async list(filter: DeliveryFilter, beforeSeq: number, limit: number): Promise<Delivery[]> {
    const { sql, values } = conditionsOf(filter)
    const select = this.#db.prepare(
      `SELECT ${deliveryColumns} FROM webhook_delivery WHERE ${sql} ORDER BY seq DESC LIMIT @limit`
    )
    const { first, last } = this.#ends.get() as { first: number | null; last: number | null }
    const found: Delivery[] = []
    let end = Math.min(beforeSeq, (last ?? 0) + 1)
    while (end > (first ?? end) && found.length < limit) {
      const start = end - sliceRows
      const rows = select.all({ ...values, start, end, limit: limit - found.length }) as DeliveryRow[]
      found.push(...rows.map(row => toDelivery(row)))
      end = start
      await nextTurn()
    }
    return found
  }

  /** How many of an endpoint can be replayed. */
  held(endpointId: string): number {
    return this.#held.get(endpointId) as number
  }

  /** In their order. */
  attempts({ seq }: Pick<Delivery, 'seq'>): Attempt[] {
    return this.#attempts.all(seq) as Attempt[]
  }

  /** How many are to be delivered yet. */
  open(): number {
    return this.#open.get() as number
  }

  /** Since when the oldest of those waits: made, or asked for again, ms since 1970. */
  oldestOpen(): number | undefined {
    return (this.#oldest.get() as number | null) ?? undefined
  }
}

function conditionsOf(filter: DeliveryFilter) {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined)
  const named = given.map(([name]) => conditions[name as keyof DeliveryFilter])
  return {
    sql: ['seq >= @start', 'seq < @end', ...named].join(' AND '),
    values: Object.fromEntries(
      given.map(([name, value]) => [name, Array.isArray(value) ? JSON.stringify(value) : value])
    )
  }
}
