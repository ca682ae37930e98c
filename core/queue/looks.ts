/** Looks at the target, one at a time. */

/** Makes them when they are asked for. */
export class Looks {
  readonly #look: () => Promise<void>
  readonly #wake: () => void
  #going: Promise<void> | undefined
  #next: Promise<void> | undefined

  /** @param look must not throw @param wake called after each of them, before another one begins */
  constructor(look: () => Promise<void>, wake: () => void) {
    this.#look = look
    this.#wake = wake
  }

  /** Whether one is going on. */
  get going(): boolean {
    return this.#going !== undefined
  }

  /**
   * Resolves after a look that began no earlier than now: one that has begun may miss what this one is asked for. Then
   * another one follows, one for all who ask meanwhile.
   */
  ask(): Promise<void> {
    if (this.#going === undefined) {
      this.#going = this.#look().finally(() => {
        this.#going = undefined
        this.#wake()
      })
      return this.#going
    }
    this.#next ??= this.#going.then(() => {
      this.#next = undefined
      return this.ask()
    })
    return this.#next
  }
}
