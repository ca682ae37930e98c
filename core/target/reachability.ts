/**
 * Whether the target can be spoken to. A target that is away is a state, not an error: it may be asleep.
 *
 * While it is down, `GET /api/version` is asked again and again, with a growing pause; the answer ends that at once.
 * Nothing is asked while it is up: failing calls tell (`markDown`).
 */
import { EventEmitter } from 'node:events'
import { type TargetClient, TargetError } from './client.ts'

/** What is known now. `unknown` is only before the first probe has ended. */
export type ReachabilityState =
  | { status: 'unknown' }
  | { status: 'up' }
  | { status: 'down'; since: Date; nextProbeAt: Date; error: TargetError }

interface ReachabilityEvents {
  /** It answers, for the first time or again. */
  up: []
  /** It does not, for the first time or no longer. Once, however long it lasts. */
  down: [error: TargetError]
}

/** How the target is probed. */
export interface ReachabilityOptions {
  /** Longest pause between two probes. Defaults to 30 s. */
  maxPauseMs?: number
  /** Longest wait for one answer. Defaults to 5 s. */
  timeoutMs?: number
  /** Told the answer of each probe that has one, before `up`. Must not throw. Defaults to nobody. */
  onAnswer?: (answer: unknown) => void
}

const FIRST_PAUSE_MS = 500

/** The state of one target. Does nothing before `start` or `markDown`; `close` it at the end. */
export class Reachability extends EventEmitter<ReachabilityEvents> {
  readonly #client: TargetClient
  readonly #maxPauseMs: number
  readonly #timeoutMs: number
  readonly #onAnswer: (answer: unknown) => void
  readonly #closing = new AbortController()
  #state: ReachabilityState = { status: 'unknown' }
  #pauseMs = FIRST_PAUSE_MS
  #timer: NodeJS.Timeout | undefined
  #probing = false

  constructor(client: TargetClient, options: ReachabilityOptions = {}) {
    super()
    this.#client = client
    this.#maxPauseMs = options.maxPauseMs ?? 30_000
    this.#timeoutMs = options.timeoutMs ?? 5_000
    this.#onAnswer = options.onAnswer ?? (() => {})
  }

  get state(): ReachabilityState {
    return this.#state
  }

  /** Makes the first probe. */
  start(): void {
    void this.#probe()
  }

  /**
   * A call failed: the target is down and probing begins. Where something did answer, if wrongly, one probe decides
   * first. Without effect while it is down already, and for calls that foreman ended itself.
   */
  markDown(error: TargetError): void {
    if (this.#state.status === 'down' || error.kind === 'aborted') return
    if (error.kind === 'status' || error.kind === 'protocol') void this.#probe()
    else this.#goDown(error)
  }

  /** A call was answered: probing ends. Without effect while it is up already. */
  markUp(): void {
    if (this.#state.status === 'up' || this.#closing.signal.aborted) return
    clearTimeout(this.#timer)
    this.#state = { status: 'up' }
    this.emit('up')
  }

  /** Ends probing for good. */
  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
  }

  #goDown(error: TargetError): void {
    if (this.#closing.signal.aborted) return
    this.#pauseMs = Math.min(FIRST_PAUSE_MS, this.#maxPauseMs)
    this.#state = { status: 'down', since: new Date(), nextProbeAt: new Date(), error }
    this.#probeLater(error)
    this.emit('down', error)
  }

  async #probe(): Promise<void> {
    if (this.#probing) return
    this.#probing = true
    const outcome = await this.#askVersion()
    this.#probing = false
    if (this.#closing.signal.aborted) return
    if (outcome === undefined) this.markUp()
    else if (this.#state.status !== 'down') this.#goDown(outcome)
    else this.#probeLater(outcome)
  }

  async #askVersion(): Promise<TargetError | undefined> {
    try {
      const options = { signal: this.#closing.signal, timeoutMs: this.#timeoutMs }
      const answer = await this.#client.json('GET', '/api/version', undefined, options)
      this.#onAnswer(answer)
      return undefined
    } catch (error) {
      return error instanceof TargetError ? error : new TargetError('protocol', { cause: error })
    }
  }

  #probeLater(error: TargetError): void {
    if (this.#state.status !== 'down') return
    this.#state = { ...this.#state, error, nextProbeAt: new Date(Date.now() + this.#pauseMs) }
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#probe(), this.#pauseMs)
    this.#pauseMs = Math.min(2 * this.#pauseMs, this.#maxPauseMs)
  }
}
