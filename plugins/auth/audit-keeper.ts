/** Removes entries of the audit log whose time is over. */
import type { Database } from 'better-sqlite3'
import type { FastifyBaseLogger } from 'fastify'

const hourMs = 3_600_000

/** Looks once an hour, from the start on. */
export class AuditKeeper {
  readonly #timer: NodeJS.Timeout

  constructor(db: Database, retentionMs: number, log: FastifyBaseLogger) {
    const remove = db.prepare('DELETE FROM audit WHERE at < ?')
    const clear = () => {
      try {
        remove.run(Date.now() - retentionMs)
      } catch (err) {
        log.error({ err }, 'old audit entries could not be cleared')
      }
    }
    clear()
    this.#timer = setInterval(clear, hourMs)
    this.#timer.unref()
  }

  /** Looks no more. */
  close(): void {
    clearInterval(this.#timer)
  }
}
