/** What foreman loaded into the second slot and keeps there: its own record, so that a later choice can let go of it. */
import type { Database } from 'better-sqlite3'
import type { Resident } from './resident.ts'
import type { Wanted } from './wanted.ts'

const slot = 'embed'

/** One entry at most. It is not held against the target: to unload what is not there costs nothing. */
export class EmbedRecord {
  readonly #db: Database
  #current: Resident | undefined

  constructor(db: Database) {
    this.#db = db
    const row = db
      .prepare('SELECT runner, model, digest, loaded_at AS loadedAt FROM resident WHERE slot = ?')
      .get(slot)
    this.#current = row as Resident | undefined
  }

  get current(): Resident | undefined {
    return this.#current
  }

  /** It was loaded at `now`. */
  set({ runner, model }: Wanted, now: number): void {
    this.#current = { runner: runner.key, model: model.name, digest: model.digest, loadedAt: now }
    this.#db
      .prepare(
        'INSERT OR REPLACE INTO resident (slot, runner, model, digest, loaded_at) VALUES (?, ?, ?, ?, ?)'
      )
      .run(slot, runner.key, model.name, model.digest, now)
  }

  /** It was given up. */
  clear(): void {
    this.#current = undefined
    this.#db.prepare('DELETE FROM resident WHERE slot = ?').run(slot)
  }
}
