/**
 * The last list of models in the store: a start of foreman while the target sleeps knows what it has, and what its jobs need.
 * Written when it changed, and when the target or foreman goes, so that an idle foreman leaves the disk alone.
 */
import type { Database, Statement } from 'better-sqlite3'
import type { Catalog } from './catalog.ts'
import type { ShownModel } from './inventory-entry.ts'
import type { TargetVersion } from './target-version.ts'

/** What a part of the record is about. */
type Part = 'tags' | 'shown' | 'version'

/** Reads it once and writes it as it changes. */
export class KeptInventory {
  readonly #write: Statement
  readonly #kept = new Map<string, { body: string; toldAt: number }>()

  constructor(db: Database) {
    this.#write = db.prepare('INSERT OR REPLACE INTO inventory (part, body, told_at) VALUES (?, ?, ?)')
    const rows = db.prepare('SELECT part, body, told_at AS toldAt FROM inventory').all()
    for (const { part, ...row } of rows as { part: Part; body: string; toldAt: number }[])
      this.#kept.set(part, row)
  }

  /** The version that an earlier run saw. */
  get version(): string | undefined {
    return this.#read('version') as string | undefined
  }

  /** Gives the catalog the list of an earlier run, where there is one. */
  restore(catalog: Catalog): void {
    const tags = this.#kept.get('tags')
    if (tags === undefined) return
    const shown = Object.entries((this.#read('shown') ?? {}) as Record<string, ShownModel>)
    catalog.restore({ body: JSON.parse(tags.body), at: new Date(tags.toldAt) }, new Map(shown))
  }

  /** Writes what is new. `timesToo`: also when what is known was told again. @throws what SQLite throws */
  keep(catalog: Catalog, version: TargetVersion, { timesToo = false } = {}): void {
    if (catalog.answer === undefined) return
    const toldAt = catalog.answer.at.getTime()
    this.#put('shown', Object.fromEntries(catalog.shown), toldAt, false)
    this.#put('tags', catalog.answer.body, toldAt, timesToo)
    if (version.current !== undefined) this.#put('version', version.current, toldAt, false)
  }

  #read(part: Part): unknown {
    const row = this.#kept.get(part)
    return row && JSON.parse(row.body)
  }

  #put(part: Part, value: unknown, toldAt: number, timeToo: boolean): void {
    const body = JSON.stringify(value)
    const before = this.#kept.get(part)
    if (before?.body === body && (!timeToo || before.toldAt === toldAt)) return
    this.#write.run(part, body, toldAt)
    this.#kept.set(part, { body, toldAt })
  }
}
