/** Trying again: when, how long, and when to give up. */
import { ForemanConnectionError, ForemanError } from './errors.ts'

/** How often a call is tried again. */
export interface RetryOptions {
  /** Seconds for which one call is tried again; a pause that would end beyond it is not made. Defaults to 60. */
  limitS?: number
  /**
   * Seconds for which `wait`, `follow` and `text` bear that foreman is away: it is their `limitS`, and begins anew with each
   * answer. Defaults to 600; `Infinity` for ever.
   */
  maxOutageS?: number
  /** Pause before the second try, in seconds; it doubles up to `maxDelayS`. Defaults to 0.25. */
  minDelayS?: number
  /** Defaults to 10. A `Retry-After` that is longer holds. */
  maxDelayS?: number
  /** Told before each pause. */
  onRetry?: (retry: Retry) => void
}

/** A try that failed and is followed by another. */
export interface Retry {
  error: ForemanError | ForemanConnectionError
  /** The pause until the next one, in seconds. */
  delayS: number
  /** Tries so far. */
  tries: number
}

/** {@link RetryOptions} with their defaults. */
export type RetryRules = Required<RetryOptions>

const defaults: RetryRules = {
  limitS: 60,
  maxOutageS: 600,
  minDelayS: 0.25,
  maxDelayS: 10,
  onRetry: () => {}
}

/** Fills in the defaults; `false` never tries again. */
export function retryRules(options: RetryOptions | false = {}): RetryRules {
  return options === false ? { ...defaults, limitS: 0, maxOutageS: 0 } : { ...defaults, ...options }
}

/** The tries of one call, or of one time in which foreman is away. */
export class Patience {
  readonly #rules: RetryRules
  readonly #limitS: number
  #tries = 0
  #begunMs = 0

  constructor(rules: RetryRules, limitS: number) {
    this.#rules = rules
    this.#limitS = limitS
  }

  /** All is well: the next failure is a first one. */
  renew(): void {
    this.#tries = 0
  }

  /** Waits before the next try. @throws the error itself where there is to be none, or what the signal says */
  async pause(error: unknown, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (!mayPass(error)) throw error
    // Not the time of day: a clock that is put right in between must not end it.
    const now = performance.now()
    if (this.#tries === 0) this.#begunMs = now
    const delayS = this.#delayS(error)
    if ((now - this.#begunMs) / 1000 + delayS > this.#limitS) throw error
    this.#tries += 1
    this.#rules.onRetry({ error, delayS, tries: this.#tries })
    await sleep(delayS, signal)
  }

  #delayS(error: ForemanError | ForemanConnectionError): number {
    const { minDelayS, maxDelayS } = this.#rules
    const delayS = Math.min(maxDelayS, minDelayS * 2 ** this.#tries)
    // Some of it is luck, so that many clients do not come back all at once.
    const spreadS = delayS * (0.75 + Math.random() / 4)
    return Math.max(spreadS, (error instanceof ForemanError ? error.retryAfterS : undefined) ?? 0)
  }
}

function mayPass(error: unknown): error is ForemanError | ForemanConnectionError {
  if (error instanceof ForemanConnectionError) return true
  if (!(error instanceof ForemanError && error.retryable)) return false
  const { status, code } = error
  // Too many requests; no room; a proxy whose foreman is away. Foreman's own 502 and 504 tell of its target.
  return status === 429 || status === 503 || (code === undefined && (status === 502 || status === 504))
}

/** @throws what the signal says, as soon as it does */
export function sleep(delayS: number, signal?: AbortSignal): Promise<void> {
  // One of its own: many that wait by one signal would look to Node like listeners that were forgotten.
  const own = signal && AbortSignal.any([signal])
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(own!.reason)
    }
    const timer = setTimeout(() => {
      own?.removeEventListener('abort', stop)
      resolve()
    }, delayS * 1000)
    own?.addEventListener('abort', stop, { once: true })
  })
}
