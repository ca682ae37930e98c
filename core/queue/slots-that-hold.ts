/**
 * How many worker runners the target really keeps side by side, where that is fewer than `queue.worker_slots`: its own
 * limit (`OLLAMA_MAX_LOADED_MODELS`) or its memory may bind first. Then it chooses itself what goes, and not the one
 * used longest ago; foreman that knows the number chooses before it.
 */
import type { FastifyBaseLogger } from 'fastify'

/** After this time all slots are tried again. */
const learnedForMs = 600_000

/** The number of slots, with what was learned of it. Times in ms. */
export class SlotsThatHold {
  /** As the settings have it. */
  readonly configured: number
  readonly #log: Pick<FastifyBaseLogger, 'warn'>
  #learned: { readonly slots: number; readonly until: number } | undefined
  /** The last number that was told: the same one is no news. */
  #told: number | undefined

  constructor(configured: number, log: Pick<FastifyBaseLogger, 'warn'>) {
    this.configured = configured
    this.#log = log
  }

  /** How many to count on at `now`. */
  at(now: number): number {
    const { configured } = this
    if (this.#learned === undefined || this.#learned.until <= now) return configured
    return Math.min(configured, this.#learned.slots)
  }

  /** A load has pushed others out, `now`: just `kept` are there with it, the one that was loaded included. */
  pushedOut(kept: number, now: number): void {
    this.#learned = { slots: kept, until: now + learnedForMs }
    if (kept === this.#told) return
    this.#told = kept
    this.#log.warn(
      { workerSlots: this.configured, kept },
      'the target keeps fewer models loaded than queue.worker_slots says: OLLAMA_MAX_LOADED_MODELS is too small, or its memory'
    )
  }

  /** The target was started anew: what was learned may not hold any more. */
  forget(): void {
    this.#learned = undefined
    this.#told = undefined
  }
}
