/** The operator's switches on the queue: kept in the store, so that a restart does not turn them. */
import type { Database } from 'better-sqlite3'

/** `paused`: nothing is started. `draining`: nothing is accepted. */
export type SwitchName = 'paused' | 'draining'

/** Which switches are on. */
export class QueueSwitches {
  readonly #db: Database
  readonly #on: Set<SwitchName>

  constructor(db: Database) {
    this.#db = db
    this.#on = new Set(db.prepare('SELECT name FROM queue_switch').pluck().all() as SwitchName[])
  }

  isOn(name: SwitchName): boolean {
    return this.#on.has(name)
  }

  /** Turns one on; nothing happens where it is. */
  turnOn(name: SwitchName): void {
    this.#db.prepare('INSERT OR IGNORE INTO queue_switch (name, since) VALUES (?, ?)').run(name, Date.now())
    this.#on.add(name)
  }

  /** Turns all of them off. */
  turnOff(): void {
    this.#db.prepare('DELETE FROM queue_switch').run()
    this.#on.clear()
  }
}
