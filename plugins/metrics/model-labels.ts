/**
 * The label `model`: names of installed models and no others, a few of them, so that neither what clients write nor how
 * many models there are makes series without end. All else is `other`.
 */
import type { Database } from 'better-sqlite3'
import type { Counter, Histogram } from 'prom-client'
import type { Catalog } from '../../core/target/catalog.ts'
import { type LabelValues, remove, startAtZero } from './series.ts'

/** Every model that has no label of its own. */
export const otherModels = 'other'

/** Models that get one. */
const seats = 20

const mostUsed = 'SELECT model FROM run GROUP BY model ORDER BY count(*) DESC'

/** Gives out the labels. Those used most in the runs on record come first, then whoever is used. */
export class ModelLabels {
  readonly #catalog: Catalog
  readonly #usedBefore: readonly string[]
  readonly #seated = new Set<string>()
  readonly #kept: { open: (model: string) => void; close: (model: string) => void }[] = []

  constructor(catalog: Catalog, db: Database) {
    this.#catalog = catalog
    this.#usedBefore = db.prepare(mostUsed).pluck().all() as string[]
    catalog.on('changed', () => this.#seatInstalled())
  }

  /** Each model that has a label has all these series, from the start and at zero; with its label they go. */
  keep<Label extends string>(
    metric: Counter<Label> | Histogram<Label>,
    values: LabelValues<Exclude<Label, 'model'>>
  ): void {
    const of = (model: string) => ({ ...values, model: [model] }) as LabelValues<Label>
    const open = (model: string) => startAtZero(metric, of(model))
    this.#kept.push({ open, close: model => remove(metric, of(model)) })
    for (const model of [otherModels, ...this.#seated]) open(model)
  }

  /** The label for a name as a caller wrote it. */
  of(name: string): string {
    const model = this.#catalog.peek(name)?.name
    if (model === undefined) return otherModels
    return this.#seated.has(model) || this.#seat(model) ? model : otherModels
  }

  #seatInstalled(): void {
    const used = this.#usedBefore.map(name => this.#catalog.peek(name)?.name)
    const installed = this.#catalog.models().map(({ name }) => name)
    for (const model of [...used, ...installed]) {
      if (model !== undefined && !this.#seated.has(model) && !this.#seat(model)) return
    }
  }

  #seat(model: string): boolean {
    if (this.#seated.size >= seats && !this.#freeOne()) return false
    this.#seated.add(model)
    for (const { open } of this.#kept) open(model)
    return true
  }

  /** A model that is not installed any more makes room. */
  #freeOne(): boolean {
    const gone = [...this.#seated].find(model => this.#catalog.peek(model) === undefined)
    if (gone === undefined) return false
    this.#seated.delete(gone)
    for (const { close } of this.#kept) close(gone)
    return true
  }
}
