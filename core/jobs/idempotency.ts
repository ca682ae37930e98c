/**
 * Idempotency keys: which job a caller's own key made. A key is taken in the transaction that accepts its job, so
 * there is no moment in which one is there without the other; `retention.ts` forgets them.
 */
import createError from '@fastify/error'
import type { Database, Statement } from 'better-sqlite3'
import type { IdempotencyClaim, Job } from './job.ts'

/** Another job has taken the key. Hole: the key. */
export const KeyTakenError = createError('FOREMAN_KEY_TAKEN', 'the key %s is taken')

/** What a key stands for. */
export interface TakenKey {
  /** The job may have been removed since. */
  readonly jobId: string
  readonly fingerprint: Buffer
}

/** Looks keys up, and takes them for the store. */
export class IdempotencyKeys {
  readonly #find: Statement
  readonly #insert: Statement

  constructor(db: Database) {
    this.#find = db.prepare(
      'SELECT job_id AS jobId, fingerprint FROM idempotency_key WHERE owner = ? AND route = ? AND key = ?'
    )
    this.#insert = db.prepare(`INSERT OR IGNORE INTO idempotency_key
      (owner, route, key, fingerprint, job_id, created_at) VALUES (?, ?, ?, ?, ?, ?)`)
  }

  /** What the key of this owner stands for on this route; undefined while it is free. */
  find(owner: string, route: string, key: string): TakenKey | undefined {
    return this.#find.get(owner, route, key) as TakenKey | undefined
  }

  /** For the store, in the transaction that accepts the job. @throws {KeyTakenError} the job is not accepted then */
  add(job: Pick<Job, 'id' | 'owner' | 'createdAt'>, { route, key, fingerprint }: IdempotencyClaim): void {
    const { changes } = this.#insert.run(job.owner, route, key, fingerprint, job.id, job.createdAt)
    if (changes === 0) throw new KeyTakenError(key)
  }
}
