/** A map that forgets what was set longest ago: what is learned by runner must not grow with what clients invent. */

const defaultLimit = 1000

/** Holds `limit` entries at most (1000). Setting a key again makes it the newest. */
export class RecentMap<K, V> extends Map<K, V> {
  readonly #limit: number

  constructor(limit: number = defaultLimit) {
    super()
    this.#limit = limit
  }

  override set(key: K, value: V): this {
    this.delete(key)
    super.set(key, value)
    if (this.size > this.#limit) this.delete(this.keys().next().value as K)
    return this
  }
}
