/** The catalog for a request of many jobs: a name that it does not know is looked for once, however often it comes. */
import { RecentMap } from '../../core/queue/recent-map.ts'
import type { Catalog, InstalledModel } from '../../core/target/catalog.ts'

/** Looks up as the catalog does. Of the names that it did not know it remembers a thousand. */
export class OneLook implements Pick<Catalog, 'lookup' | 'stale'> {
  readonly #catalog: Catalog
  readonly #looks = new RecentMap<string, Promise<InstalledModel | undefined>>()

  constructor(catalog: Catalog) {
    this.#catalog = catalog
  }

  get stale(): boolean {
    return this.#catalog.stale
  }

  async lookup(name: string): Promise<InstalledModel | undefined> {
    const known = this.#catalog.peek(name)
    if (known !== undefined) return known
    const look = this.#looks.get(name) ?? this.#catalog.lookup(name)
    this.#looks.set(name, look)
    return look
  }
}
