/** What is known of those that answer: since when one fails, and when something is to be done for it. */
import type { Database, Statement } from 'better-sqlite3'
import type { Endpoint } from './endpoint.ts'

/** One of them. Times are ms since 1970. */
export interface Receiver {
  readonly seq: number
  readonly owner: string
  /** Null for a host that jobs name, and for an endpoint that was taken away. */
  readonly endpointId: string | null
  /** Null for an endpoint. */
  readonly host: string | null
  /** In a row. */
  readonly failures: number
  readonly failingSince: number | null
  /** Nothing is sent to it before then. */
  readonly notBefore: number
}

const columns = `r.seq, r.owner, e.id AS endpointId, r.host, r.failures, r.failing_since AS failingSince, r.not_before AS notBefore
  FROM webhook_receiver AS r LEFT JOIN webhook_endpoint AS e ON e.seq = r.endpoint_seq`

/** Reads and writes them. Inside the transactions of others. */
export class ReceiverStore {
  readonly #find: Statement
  readonly #ofEndpoint: Statement
  readonly #addEndpoint: Statement
  readonly #ofHost: Statement
  readonly #addHost: Statement
  readonly #refresh: Statement
  readonly #hurry: Statement
  readonly #succeeded: Statement
  readonly #failed: Statement

  constructor(db: Database) {
    this.#find = db.prepare(`SELECT ${columns} WHERE r.seq = ?`)
    this.#ofEndpoint = db.prepare('SELECT seq FROM webhook_receiver WHERE endpoint_seq = ?').pluck()
    this.#addEndpoint = db.prepare('INSERT INTO webhook_receiver (endpoint_seq, owner) VALUES (?, ?)')
    this.#ofHost = db.prepare('SELECT seq FROM webhook_receiver WHERE owner = ? AND host = ?').pluck()
    this.#addHost = db.prepare('INSERT INTO webhook_receiver (owner, host) VALUES (?, ?)')
    this.#refresh = db.prepare(
      `UPDATE webhook_receiver SET due_at = max(not_before, (SELECT due_at FROM webhook_delivery
        WHERE receiver_seq = @seq AND due_at IS NOT NULL ORDER BY due_at LIMIT 1)) WHERE seq = @seq`
    )
    this.#hurry = db.prepare('UPDATE webhook_receiver SET not_before = 0 WHERE seq = ?')
    this.#succeeded = db.prepare(
      'UPDATE webhook_receiver SET failures = 0, failing_since = NULL, not_before = 0 WHERE seq = ?'
    )
    this.#failed = db.prepare(
      `UPDATE webhook_receiver SET failures = failures + 1, failing_since = coalesce(failing_since, @now),
        not_before = max(not_before, @notBefore) WHERE seq = @seq`
    )
  }

  find(seq: number): Receiver {
    return this.#find.get(seq) as Receiver
  }

  /** The receiver that an endpoint is. */
  ofEndpoint({ seq, owner }: Endpoint): number {
    const known = this.#ofEndpoint.get(seq) as number | undefined
    return known ?? Number(this.#addEndpoint.run(seq, owner).lastInsertRowid)
  }

  /** The same, without making one: undefined where nothing was sent to it yet. */
  knownOf({ seq }: Pick<Endpoint, 'seq'>): Receiver | undefined {
    const known = this.#ofEndpoint.get(seq) as number | undefined
    return known === undefined ? undefined : this.find(known)
  }

  /** The receiver that a host is to the jobs of an owner. */
  ofHost(owner: string, host: string): number {
    const known = this.#ofHost.get(owner, host) as number | undefined
    return known ?? Number(this.#addHost.run(owner, host).lastInsertRowid)
  }

  /** Its deliveries have changed. */
  refresh(seq: number): void {
    this.#refresh.run({ seq })
  }

  /** Something is to be sent to it at once, however it failed. */
  hurry(seq: number): void {
    this.#hurry.run(seq)
    this.refresh(seq)
  }

  /** It took a message: whatever was before. */
  succeeded(seq: number): void {
    this.#succeeded.run(seq)
  }

  /** It is another one from now on, or was mended: how it fared counts no more, and what is due goes. */
  renew(seq: number): void {
    this.#succeeded.run(seq)
    this.refresh(seq)
  }

  /** It did not. Nothing is sent to it before `notBefore`. */
  failed(seq: number, now: number, notBefore: number): void {
    this.#failed.run({ seq, now, notBefore })
  }
}
