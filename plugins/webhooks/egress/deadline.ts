/** The one end that an attempt has, whichever comes first: its time, a stop from outside, or a reason found on the way. */
import { SendFault, tooLate } from './faults.ts'

/** To be ended by `done`, or its timer and listeners live on. */
export class Deadline {
  readonly #controller = new AbortController()
  readonly #stops: readonly AbortSignal[]
  readonly #timer: NodeJS.Timeout
  readonly #onStop = () => this.end(new SendFault('timeout', 'stopped'))

  /** @param stops each ends it at once, with the fault "stopped" */
  constructor(timeoutMs: number, stops: readonly AbortSignal[]) {
    this.#stops = stops
    this.#timer = setTimeout(() => this.end(tooLate('answer')), timeoutMs)
    for (const stop of stops) {
      if (stop.aborted) this.#onStop()
      else stop.addEventListener('abort', this.#onStop, { once: true })
    }
  }

  /** Aborts at the end; its reason is a {@link SendFault}. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Ends the attempt for this reason. */
  end(reason: SendFault): void {
    this.#controller.abort(reason)
  }

  /** Waits for something that cannot be called off, no longer than to the end. @throws the reason of the end */
  async race<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    const onEnd = () => reject(this.signal.reason)
    if (this.signal.aborted) onEnd()
    else this.signal.addEventListener('abort', onEnd, { once: true })
    try {
      return await Promise.race([work, promise])
    } finally {
      this.signal.removeEventListener('abort', onEnd)
    }
  }

  /** The attempt is over. */
  done(): void {
    clearTimeout(this.#timer)
    for (const stop of this.#stops) stop.removeEventListener('abort', this.#onStop)
  }
}
