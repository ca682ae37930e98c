/** Counts by key in windows of time: each begins with the first thing that is counted and ends a fixed time later. */

/** The open window of a key. */
export interface Window {
  /** What has been counted in it. */
  count: number
  /** On the clock of the caller, in ms. */
  readonly endsAt: number
}

/** The windows of all keys. What is over is forgotten. */
export class Windows {
  readonly #lengthMs: number
  readonly #most: number
  // All are equally long: the first of the map is always the next that ends.
  readonly #open = new Map<string, Window>()

  /** @param most keys that are remembered at a time; beyond it the oldest is forgotten */
  constructor(lengthMs: number, most = Number.POSITIVE_INFINITY) {
    this.#lengthMs = lengthMs
    this.#most = most
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#open.size
  }

  /** The open window of a key; undefined where none is. `now` is in ms, on a clock that never goes back. */
  find(key: string, now: number): Window | undefined {
    const window = this.#open.get(key)
    return window !== undefined && now < window.endsAt ? window : undefined
  }

  /** The open window of a key, begun where there is none. */
  at(key: string, now: number): Window {
    return this.find(key, now) ?? this.#begin(key, now)
  }

  #begin(key: string, now: number): Window {
    this.#open.delete(key)
    for (const [oldest, { endsAt }] of this.#open) {
      if (endsAt > now && this.#open.size < this.#most) break
      this.#open.delete(oldest)
    }
    const window = { count: 0, endsAt: now + this.#lengthMs }
    this.#open.set(key, window)
    return window
  }
}
