/**
 * What foreman loaded into the worker's slot and did not unload: its own record, kept in the store so that a
 * restart of foreman does not swap for nothing, and held against `/api/ps` by whoever looks there.
 */
import type { Database } from 'better-sqlite3'
import type { Wanted } from './wanted.ts'

/** The runner in a slot. */
export interface Resident {
  readonly runner: string
  /** Name it was loaded under, by which it is unloaded. */
  readonly model: string
  /** Manifest digest, by which `/api/ps` shows it. */
  readonly digest: string
  readonly loadedAt: number
}

const slot = 'worker'

/** The record of the worker's slot. */
export class ResidentRecord {
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

  /** Something was loaded at `now`. */
  set({ runner, model }: Wanted, now: number): void {
    this.#current = { runner: runner.key, model: model.name, digest: model.digest, loadedAt: now }
    this.#db
      .prepare(
        'INSERT OR REPLACE INTO resident (slot, runner, model, digest, loaded_at) VALUES (?, ?, ?, ?, ?)'
      )
      .run(slot, this.#current.runner, this.#current.model, this.#current.digest, now)
  }

  /** The slot is empty. */
  clear(): void {
    if (this.#current === undefined) return
    this.#current = undefined
    this.#db.prepare('DELETE FROM resident WHERE slot = ?').run(slot)
  }
}
