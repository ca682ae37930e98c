/** Bounds label values that callers can make: so many combinations, first come first served, then one for all others. */

const other = 'other'

/** Gives out combinations of two labels. */
export class CappedLabels {
  readonly #most: number
  readonly #given = new Set<string>()

  constructor(most: number) {
    this.#most = most
  }

  /** The combination itself, or `other` in place of the first where there are too many already. */
  of(first: string, second: string): [first: string, second: string] {
    const key = `${first} ${second}`
    if (this.#given.has(key)) return [first, second]
    if (this.#given.size >= this.#most) return [other, second]
    this.#given.add(key)
    return [first, second]
  }
}
