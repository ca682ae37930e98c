/** How many frames a client may send: a bucket that fills again at a steady rate, so that a few may come at once. */
const perSecond = 20
const mostAtOnce = 40

/** One socket's. */
export class FrameRate {
  #left = mostAtOnce
  #at = performance.now()

  /** Counts a frame. @returns whether it is one that may come */
  take(): boolean {
    const now = performance.now()
    this.#left = Math.min(mostAtOnce, this.#left + ((now - this.#at) / 1000) * perSecond)
    this.#at = now
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}
