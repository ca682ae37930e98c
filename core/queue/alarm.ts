/** A timer for a time of the day that can be moved, as the schedule's moments move. */

/** Longest wait of one timer of Node; a longer one is made of several. */
const longestTimerMs = 2 ** 31 - 1

/** Rings once at the time set last, ms since 1970. It may ring a little early: look again, and set anew. */
export class Alarm {
  readonly #ring: () => void
  #at = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(ring: () => void) {
    this.#ring = ring
  }

  /** Rings at `at`, and no more at the time set before. `undefined` is never. */
  set(at: number | undefined): void {
    const next = at ?? Number.POSITIVE_INFINITY
    if (next === this.#at) return
    clearTimeout(this.#timer)
    this.#at = next
    if (next === Number.POSITIVE_INFINITY) return
    const waitMs = Math.min(longestTimerMs, Math.max(1, Math.ceil(next - Date.now())))
    this.#timer = setTimeout(() => this.#fire(), waitMs)
  }

  /** Rings at `at` if that is earlier than what is set. */
  setEarlier(at: number): void {
    if (at < this.#at) this.set(at)
  }

  #fire(): void {
    this.#at = Number.POSITIVE_INFINITY
    this.#ring()
  }
}
