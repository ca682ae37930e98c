/** How many connections may follow jobs at a time: of one token, and in all. */
import type { Caller } from '../access/caller.ts'
import { TooManyStreamsError } from '../errors.ts'
import type { Telemetry, Transport } from '../telemetry.ts'

/** `limits.max_streams_per_token` (which does not hold for `admin`) and `limits.max_streams`. */
export interface StreamLimits {
  readonly max_streams_per_token: number
  readonly max_streams: number
}

/** Counts them. Offered as `app.streamSlots`. */
export class StreamSlots {
  readonly #limits: StreamLimits
  readonly #telemetry: Telemetry
  readonly #byToken = new Map<string | undefined, number>()
  #open = 0

  constructor(limits: StreamLimits, telemetry: Telemetry) {
    this.#limits = limits
    this.#telemetry = telemetry
  }

  /** Connections that are open. */
  get open(): number {
    return this.#open
  }

  /**
   * Counts one more. Call what it gives when that one is over, once.
   * @throws {TooManyStreamsError}
   */
  take({ tokenId, scopes }: Caller, transport: Transport): () => void {
    const { max_streams_per_token, max_streams } = this.#limits
    const own = this.#byToken.get(tokenId) ?? 0
    if (own >= max_streams_per_token && !scopes.has('admin'))
      throw new TooManyStreamsError(
        `${own} of this token (limits.max_streams_per_token); follow many jobs by one stream of /events`
      )
    if (this.#open >= max_streams)
      throw new TooManyStreamsError(
        `${this.#open} in all (limits.max_streams); come back when others have left`
      )
    this.#open += 1
    this.#byToken.set(tokenId, own + 1)
    this.#telemetry.emit('streams', transport, 1)
    return () => this.#release(tokenId, transport)
  }

  #release(tokenId: string | undefined, transport: Transport): void {
    const own = this.#byToken.get(tokenId)! - 1
    this.#open -= 1
    if (own === 0) this.#byToken.delete(tokenId)
    else this.#byToken.set(tokenId, own)
    this.#telemetry.emit('streams', transport, -1)
  }
}
