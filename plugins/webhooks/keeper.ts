/** Removes what has been kept long enough: a batch at a time, once an hour, from the start on. */
import type { Database } from 'better-sqlite3'
import type { FastifyBaseLogger } from 'fastify'

/** Times in ms. */
export interface KeepRules {
  /** A delivery is listed for so long after it is over. */
  readonly retentionMs: number
  /** One that is held can be replayed for so long. */
  readonly heldMs: number
}

const hourMs = 3_600_000
const batchSize = 500

const expireHeld = `UPDATE webhook_delivery SET state = 'exhausted', reason = 'hold_expired', settled_at = @now WHERE seq IN
  (SELECT seq FROM webhook_delivery WHERE state = 'held' AND created_at < @heldBefore LIMIT @batchSize)`

// Each takes at most a batch; the parameters are the same for all.
const steps = [
  `DELETE FROM job_hold WHERE job_seq IN (SELECT job_seq FROM job_hold AS h WHERE NOT EXISTS
    (SELECT 1 FROM job JOIN webhook_delivery AS d ON d.job_id = job.id
      WHERE job.seq = h.job_seq AND d.state IN ('pending', 'retrying', 'held')) LIMIT @batchSize)`,
  `DELETE FROM webhook_delivery WHERE seq IN
    (SELECT seq FROM webhook_delivery WHERE settled_at < @settledBefore LIMIT @batchSize)`,
  `DELETE FROM webhook_message WHERE seq IN (SELECT seq FROM webhook_message AS m WHERE created_at < @settledBefore
    AND NOT EXISTS (SELECT 1 FROM webhook_delivery WHERE message_seq = m.seq) LIMIT @batchSize)`,
  `DELETE FROM webhook_receiver WHERE seq IN (SELECT seq FROM webhook_receiver AS r WHERE endpoint_seq IS NULL
    AND NOT EXISTS (SELECT 1 FROM webhook_delivery WHERE receiver_seq = r.seq) LIMIT @batchSize)`,
  `UPDATE webhook_endpoint SET previous_secret = NULL, previous_until = NULL WHERE previous_until < @now`,
  `UPDATE webhook_secret SET previous_secret = NULL, previous_until = NULL WHERE previous_until < @now`
]

/** Told how many deliveries were given up, as nobody replayed them in time. */
export type OnExpired = (count: number) => void

/** Removes once. @returns whether there is more */
export function clearOld(
  db: Database,
  { retentionMs, heldMs }: KeepRules,
  now: number,
  onExpired: OnExpired = () => {}
): boolean {
  const values = { now, heldBefore: now - heldMs, settledBefore: now - retentionMs, batchSize }
  const clear = db.transaction(() => [expireHeld, ...steps].map(step => db.prepare(step).run(values).changes))
  const changes = clear()
  if (changes[0]! > 0) onExpired(changes[0]!)
  return changes.includes(batchSize)
}

/** Looks every hour until it is closed. */
export class Keeper {
  readonly #db: Database
  readonly #rules: KeepRules
  readonly #log: FastifyBaseLogger
  readonly #onExpired: OnExpired
  #timer: NodeJS.Timeout | undefined

  constructor(db: Database, rules: KeepRules, log: FastifyBaseLogger, onExpired: OnExpired) {
    this.#db = db
    this.#rules = rules
    this.#log = log
    this.#onExpired = onExpired
  }

  /** Begins with a look at once. */
  start(): void {
    this.#timer = setTimeout(() => this.start(), this.#clear() ? 0 : hourMs)
    this.#timer.unref()
  }

  /** Looks no more. */
  close(): void {
    clearTimeout(this.#timer)
  }

  #clear(): boolean {
    try {
      return clearOld(this.#db, this.#rules, Date.now(), this.#onExpired)
    } catch (err) {
      this.#log.error({ err }, 'old deliveries could not be cleared')
      return false
    }
  }
}
