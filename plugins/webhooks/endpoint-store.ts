/** Keeps the standing endpoints, their secrets sealed. All of them are in memory: each event is held against each. */
import type { Database, Statement } from 'better-sqlite3'
import { newId } from '../../core/jobs/ids.ts'
import type { DisabledReason, Endpoint, EndpointDraft } from './endpoint.ts'
import type { SealedBox } from './signing/sealed-box.ts'
import { newSecret } from './signing/secret-text.ts'

interface Row extends Omit<Endpoint, 'seesAll' | 'events' | 'headerNames'> {
  readonly seesAll: number
  readonly events: string
  readonly headers: Buffer
  readonly secret: Buffer
  readonly previousSecret: Buffer | null
}

/** A new endpoint, or secret, and the only time that the secret is told. */
export interface Issued {
  readonly endpoint: Endpoint
  readonly secret: Buffer
}

const columns = `seq, id, owner, sees_all AS seesAll, url, events, payload, format, signing, headers, description, secret,
  previous_secret AS previousSecret, previous_until AS previousUntil, created_at AS createdAt,
  disabled_at AS disabledAt, disabled_reason AS disabledReason`

const insertEndpoint = `INSERT INTO webhook_endpoint
  (id, owner, sees_all, url, events, payload, format, signing, headers, description, secret, created_at)
  VALUES (@id, @owner, @seesAll, @url, @events, @payload, @format, @signing, @headers, @description, @secret, @createdAt)`

const updateEndpoint = `UPDATE webhook_endpoint SET url = @url, events = @events, payload = @payload, format = @format,
  signing = @signing, headers = @headers, description = @description WHERE seq = @seq`

/** Reads and writes them. */
export class EndpointStore {
  readonly #db: Database
  readonly #box: SealedBox
  readonly #rows: Statement
  #known: ReadonlyMap<string, { endpoint: Endpoint; row: Row }> | undefined

  constructor(db: Database, box: SealedBox) {
    this.#db = db
    this.#box = box
    this.#rows = db.prepare(`SELECT ${columns} FROM webhook_endpoint ORDER BY seq`)
  }

  /** All, the oldest first. */
  list(): Endpoint[] {
    return [...this.#all().values()].map(({ endpoint }) => endpoint)
  }

  /** Those of an owner. */
  ownedBy(owner: string): Endpoint[] {
    return this.list().filter(endpoint => endpoint.owner === owner)
  }

  find(id: string): Endpoint | undefined {
    return this.#all().get(id)?.endpoint
  }

  /** Makes an endpoint with a secret of its own. */
  create(owner: string, seesAll: boolean, draft: EndpointDraft, now: number): Issued {
    const id = newId('whe')
    const secret = newSecret()
    const row = { ...this.#toRow(owner, draft), id, owner, seesAll: seesAll ? 1 : 0, createdAt: now }
    this.#change(insertEndpoint, { ...row, secret: this.#box.seal(owner, secret) })
    return { endpoint: this.find(id)!, secret }
  }

  /** Changes what its owner decides. Header values are kept where none are given. */
  update(endpoint: Endpoint, changes: Partial<EndpointDraft>): Endpoint {
    const draft = { ...endpoint, ...changes, headers: changes.headers ?? this.headersOf(endpoint) ?? {} }
    this.#change(updateEndpoint, { ...this.#toRow(endpoint.owner, draft), seq: endpoint.seq })
    return this.find(endpoint.id)!
  }

  /** Takes it away. What is still to be sent to it is not sent any more. */
  remove({ seq }: Endpoint): void {
    this.#change('DELETE FROM webhook_endpoint WHERE seq = @seq', { seq })
  }

  /** Nothing is sent to it any more. One that is disabled stays as it is. */
  disable({ id, seq }: Endpoint, reason: DisabledReason, now: number): Endpoint {
    const disable = `UPDATE webhook_endpoint SET disabled_at = @now, disabled_reason = @reason
      WHERE seq = @seq AND disabled_at IS NULL`
    this.#change(disable, { seq, reason, now })
    return this.find(id)!
  }

  /** It is told of what happens from now on, and of what was held where that is asked for. */
  enable({ id, seq }: Endpoint): Endpoint {
    const enable = 'UPDATE webhook_endpoint SET disabled_at = NULL, disabled_reason = NULL WHERE seq = @seq'
    this.#change(enable, { seq })
    return this.find(id)!
  }

  /** Gives it another secret. Both sign for another `overlapMs`. Headers that cannot be opened any more are forgotten. */
  rotate(endpoint: Endpoint, overlapMs: number, now: number): Issued {
    const { id, seq, owner } = endpoint
    const secret = newSecret()
    const headers = this.#sealHeaders(owner, this.headersOf(endpoint) ?? {})
    const rotate = `UPDATE webhook_endpoint SET previous_secret = secret, previous_until = @until, secret = @sealed,
      headers = @headers WHERE seq = @seq`
    this.#change(rotate, { seq, headers, until: now + overlapMs, sealed: this.#box.seal(owner, secret) })
    return { endpoint: this.find(id)!, secret }
  }

  /** What to sign with, the newest first; undefined where the key of what is sealed was lost. */
  secretsOf({ id }: Endpoint, now: number): Buffer[] | undefined {
    const { owner, secret, previousSecret, previousUntil } = this.#all().get(id)!.row
    const newest = this.#box.open(owner, secret)
    if (newest === undefined) return undefined
    const before = previousSecret !== null && (previousUntil ?? 0) > now ? previousSecret : undefined
    const previous = before && this.#box.open(owner, before)
    return previous === undefined ? [newest] : [newest, previous]
  }

  /** The headers of its owner's; undefined where the key of what is sealed was lost. */
  headersOf({ id }: Endpoint): Record<string, string> | undefined {
    const { owner, headers } = this.#all().get(id)!.row
    const opened = this.#box.open(owner, headers)
    return opened && JSON.parse(String(opened))
  }

  #toRow(owner: string, { url, events, payload, format, signing, headers, description }: EndpointDraft) {
    const form = { payload, format, signing, description }
    return { url, events: JSON.stringify(events), headers: this.#sealHeaders(owner, headers), ...form }
  }

  #sealHeaders(owner: string, headers: Readonly<Record<string, string>>): Buffer {
    return this.#box.seal(owner, Buffer.from(JSON.stringify(headers)))
  }

  #change(sql: string, values: Record<string, unknown>): void {
    this.#db.prepare(sql).run(values)
    this.#known = undefined
  }

  #all(): ReadonlyMap<string, { endpoint: Endpoint; row: Row }> {
    this.#known ??= new Map(
      (this.#rows.all() as Row[]).map(row => [row.id, { row, endpoint: this.#toEndpoint(row) }])
    )
    return this.#known
  }

  #toEndpoint(row: Row): Endpoint {
    const { headers, secret: _secret, previousSecret: _previous, ...shown } = row
    const opened = this.#box.open(row.owner, headers)
    return {
      ...shown,
      seesAll: row.seesAll === 1,
      events: JSON.parse(row.events),
      headerNames: opened === undefined ? [] : Object.keys(JSON.parse(String(opened)))
    }
  }
}
