/**
 * What foreman loaded into the worker's slots and did not unload: its own record, kept in the store so that a
 * restart of foreman does not swap for nothing, and held against `/api/ps` by whoever looks there.
 *
 * In the store it is in the order of last use as it was when the set last changed: to write each use would cost a
 * commit where nothing is loaded. After a restart that order may be a little old, which costs one load at most.
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

/** The one used last; where there is one slot, the only one. */
const latestSlot = 'worker'
/** Others are `worker 2` for the one used before that, and so on. */
const nameOf = (place: number): string => (place === 0 ? latestSlot : `${latestSlot} ${place + 1}`)
const ofWorker = `(slot = '${latestSlot}' OR slot GLOB '${latestSlot} [0-9]*')`

/** The record of the worker's slots. */
export class ResidentRecord {
  readonly #db: Database
  /** The least recently used first. */
  #all: readonly Resident[]

  constructor(db: Database) {
    this.#db = db
    const rows = db
      .prepare(
        `SELECT runner, model, digest, loaded_at AS loadedAt FROM resident WHERE ${ofWorker}
         ORDER BY CAST(substr(slot, ?) AS INTEGER) DESC`
      )
      .all(latestSlot.length + 1)
    this.#all = rows as Resident[]
  }

  /** The least recently used first. */
  get all(): readonly Resident[] {
    return this.#all
  }

  /** The one used last. */
  get current(): Resident | undefined {
    return this.#all.at(-1)
  }

  /** `runner` has the worker again. */
  use(runner: string): void {
    const one = this.#all.find(resident => resident.runner === runner)
    if (one !== undefined) this.#all = [...this.#all.filter(resident => resident !== one), one]
  }

  /** Something was loaded at `now`, in the place of `victims`. */
  set({ runner, model }: Wanted, now: number, victims: readonly Resident[] = []): void {
    const loaded = { runner: runner.key, model: model.name, digest: model.digest, loadedAt: now }
    const kept = this.#all.filter(one => one.runner !== runner.key && !victims.includes(one))
    this.#write([...kept, loaded])
  }

  /** Those that `isThere` is not said of are not loaded any more. */
  keep(isThere: (resident: Resident) => boolean): void {
    const kept = this.#all.filter(isThere)
    if (kept.length < this.#all.length) this.#write(kept)
  }

  #write(all: readonly Resident[]): void {
    this.#all = all
    const insert = this.#db.prepare(
      'INSERT INTO resident (slot, runner, model, digest, loaded_at) VALUES (?, ?, ?, ?, ?)'
    )
    this.#db.transaction(() => {
      this.#db.prepare(`DELETE FROM resident WHERE ${ofWorker}`).run()
      for (const [place, one] of all.toReversed().entries())
        insert.run(nameOf(place), one.runner, one.model, one.digest, one.loadedAt)
    })()
  }
}
