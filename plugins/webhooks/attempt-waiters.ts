/** Callers that wait for a delivery to be over: woken when one is, never by a clock but their own. */

interface Waiter {
  readonly enough: () => boolean
  readonly wake: () => void
}

/** All of them. They are few: each is a request that is held back. */
export class AttemptWaiters {
  readonly #waiters = new Set<Waiter>()
  #closed = false

  /**
   * Resolves when `enough` holds after something became of a delivery, after `waitMs`, when `gone` aborts, or at the end
   * of foreman. What was before the call does not count.
   */
  wait(enough: () => boolean, waitMs: number, gone: AbortSignal): Promise<void> {
    if (this.#closed || gone.aborted || waitMs <= 0) return Promise.resolve()
    return new Promise(resolve => {
      const wake = () => {
        clearTimeout(timer)
        gone.removeEventListener('abort', wake)
        this.#waiters.delete(waiter)
        resolve()
      }
      const waiter = { enough, wake }
      const timer = setTimeout(wake, waitMs)
      gone.addEventListener('abort', wake)
      this.#waiters.add(waiter)
    })
  }

  /** Something became of a delivery. */
  tell(): void {
    for (const { enough, wake } of this.#waiters) if (enough()) wake()
  }

  /** Wakes everybody; nobody waits any more. */
  close(): void {
    this.#closed = true
    for (const { wake } of this.#waiters) wake()
  }
}
