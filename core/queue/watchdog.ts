/**
 * The limits of one run: how long it may take, and how long the target may be silent in it.
 *
 * Silence is watched only where the answer comes in pieces: before the first byte with the longer limit, which
 * prompt reading needs, after it with the shorter. One timer a limit, re-armed only when it fires, so that a
 * byte costs no more than a clock reading.
 */
import { type ForemanError, RunTimeoutError, StalledError } from '../errors.ts'

/** Limits in ms. */
export interface RunLimits {
  readonly runMs: number
  /** Silence before the first byte; unwatched when left out. */
  readonly firstByteMs?: number
  /** Silence after the first byte; unwatched when left out. */
  readonly silenceMs?: number
}

/** Calls `expire` once, with the limit that was broken, unless it is stopped before. */
export class Watchdog {
  readonly #limits: RunLimits
  readonly #expire: (error: ForemanError) => void
  readonly #run: NodeJS.Timeout
  #silence: NodeJS.Timeout | undefined
  #lastByteAt = performance.now()
  #silenceMs: number | undefined
  #over = false

  constructor(limits: RunLimits, expire: (error: ForemanError) => void) {
    this.#limits = limits
    this.#expire = expire
    this.#run = setTimeout(() => this.#fire(new RunTimeoutError(limits.runMs / 1000)), limits.runMs)
    this.#silenceMs = limits.firstByteMs
    this.#watchSilence()
  }

  /** A byte came. */
  touch(): void {
    this.#lastByteAt = performance.now()
    if (this.#over || this.#silenceMs === this.#limits.silenceMs) return
    this.#silenceMs = this.#limits.silenceMs
    clearTimeout(this.#silence)
    this.#watchSilence()
  }

  /** The run is over. */
  stop(): void {
    this.#over = true
    clearTimeout(this.#run)
    clearTimeout(this.#silence)
  }

  #watchSilence(): void {
    const limitMs = this.#silenceMs
    if (limitMs === undefined) return
    const quietMs = performance.now() - this.#lastByteAt
    if (quietMs >= limitMs) return this.#fire(new StalledError(limitMs / 1000))
    this.#silence = setTimeout(() => this.#watchSilence(), Math.ceil(limitMs - quietMs))
  }

  #fire(error: ForemanError): void {
    this.stop()
    this.#expire(error)
  }
}
