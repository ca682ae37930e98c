/** The high-water marks of `num_ctx`, by weights: kept in the store, so that a restart does not load for less again. */
import type { Database, Statement } from 'better-sqlite3'

/** What is known of the contexts of some weights, in tokens. */
export interface ContextMark {
  /** The largest that was asked for and loaded; 0 where none was. */
  readonly asked: number
  /** What the target takes where nobody says; undefined while that has not been seen. */
  readonly automatic: number | undefined
}

/** Reads and writes them. */
export class ContextMarks {
  readonly #marks: Map<string, ContextMark>
  readonly #db: Database
  readonly #write: Statement

  constructor(db: Database) {
    this.#db = db
    const rows = db.prepare('SELECT weights, asked, automatic FROM context_mark').all() as {
      weights: string
      asked: number
      automatic: number | null
    }[]
    this.#marks = new Map(
      rows.map(({ weights, asked, automatic }) => [weights, { asked, automatic: automatic ?? undefined }])
    )
    this.#write = db.prepare(
      'INSERT OR REPLACE INTO context_mark (weights, asked, automatic) VALUES (?, ?, ?)'
    )
  }

  /** The mark of the weights that runners' keys begin with. */
  of(weights: string): ContextMark | undefined {
    return this.#marks.get(weights)
  }

  /** All weights that have one. */
  get weights(): string[] {
    return [...this.#marks.keys()]
  }

  /** Sets a mark, in memory. */
  set(weights: string, mark: ContextMark): void {
    this.#marks.set(weights, mark)
  }

  /** Writes a mark into the store. @throws what SQLite throws */
  keep(weights: string): void {
    const { asked, automatic } = this.#marks.get(weights)!
    this.#write.run(weights, asked, automatic ?? null)
  }

  /** Takes one away, from memory in any case. @throws what SQLite throws */
  remove(weights: string): void {
    this.#marks.delete(weights)
    this.#db.prepare('DELETE FROM context_mark WHERE weights = ?').run(weights)
  }

  /** Takes all of them away, from memory in any case. @throws what SQLite throws */
  clear(): void {
    this.#marks.clear()
    this.#db.prepare('DELETE FROM context_mark').run()
  }
}
