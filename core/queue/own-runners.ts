/**
 * Which of the models in the target's memory foreman put there. All others were loaded by somebody who goes around the queue.
 *
 * The record of what is resident is not enough: an answer of `/api/ps` may be from before or in the middle of a swap. So
 * what foreman loaded stays its own until a look does not show it any more.
 */
import type { Database, Statement } from 'better-sqlite3'
import type { Catalog } from '../target/catalog.ts'
import type { LoadedModels } from '../target/loaded-models.ts'
import type { LoadedModel } from '../target/residency.ts'
import type { Telemetry } from '../telemetry.ts'
import type { JobQueue } from './job-queue.ts'
import type { Resident } from './resident.ts'

/** What it is told by. */
export interface OwnRunnersParts {
  readonly db: Database
  readonly queue: Pick<JobQueue, 'worker'>
  readonly catalog: Catalog
  readonly loadedModels: LoadedModels
  readonly telemetry: Telemetry
}

/** Watches swaps and looks from here on. */
export class OwnRunners {
  readonly #parts: OwnRunnersParts
  readonly #residents: Statement
  readonly #embedder: Statement
  /** Digests of what foreman loaded and that was there at the last look, or has not been looked for since. */
  readonly #lately = new Set<string>()

  constructor(parts: OwnRunnersParts) {
    this.#parts = parts
    const { db, catalog, loadedModels, telemetry } = parts
    this.#residents = db.prepare('SELECT runner, digest FROM resident')
    this.#embedder = db.prepare("SELECT model FROM embedder WHERE state IN ('wanted', 'warm')").pluck()
    telemetry.on('swap', ({ model }) => {
      const digest = catalog.peek(model)?.digest
      if (digest !== undefined) this.#lately.add(digest)
    })
    loadedModels.on('looked', () => this.#forgetGone())
  }

  /** What foreman has loaded into all its slots, by its own record. */
  get residents(): readonly Pick<Resident, 'runner' | 'digest'>[] {
    return this.#residents.all() as Resident[]
  }

  /** Whether foreman loaded it. */
  has({ digest }: Pick<LoadedModel, 'digest'>): boolean {
    return this.#lately.has(digest) || this.#atHand().has(digest)
  }

  /** What is in memory past the queue. */
  bypassing(): LoadedModel[] {
    const atHand = this.#atHand()
    return this.#parts.loadedModels.models.filter(
      ({ digest }) => !this.#lately.has(digest) && !atHand.has(digest)
    )
  }

  /** Digests of what is resident by the record, and of what is being loaded now. */
  #atHand(): ReadonlySet<string | undefined> {
    const { queue, catalog } = this.#parts
    const { activity } = queue.worker
    const embedder = this.#embedder.get() as string | null | undefined
    const coming = [activity?.phase === 'loading' ? activity.model : undefined, embedder]
    return new Set([
      ...this.residents.map(({ digest }) => digest),
      ...coming.map(name => (name ? catalog.peek(name)?.digest : undefined))
    ])
  }

  /** What is there and at hand is foreman's for as long as it is there, also when its slot is given to another. */
  #forgetGone(): void {
    const atHand = this.#atHand()
    const there = new Set(this.#parts.loadedModels.models.map(({ digest }) => digest))
    for (const digest of this.#lately)
      if (!there.has(digest) && !atHand.has(digest)) this.#lately.delete(digest)
    for (const digest of there) if (atHand.has(digest)) this.#lately.add(digest)
  }
}
