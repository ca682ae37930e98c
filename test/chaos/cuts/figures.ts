/** What a run of cuts was made of. */
import type { Cuts } from './offsets.ts'
import type { Transport } from './stage.ts'

/** Counts it. */
export class Tally {
  readonly #cuts = new Map<string, number>()
  readonly #bytes = new Map<Transport, number>()
  /** Ends of foreman under its followers. */
  kills = 0
  /** Texts that began anew because of one. */
  begunAnew = 0
  /** Followers that came back into text that was folded up meanwhile. */
  gaps = 0

  /** A whole stream of the transport has so many bytes. */
  measured(transport: Transport, bytes: number): void {
    this.#bytes.set(transport, bytes)
  }

  /** Bytes of a whole stream. */
  bytesOf(transport: Transport): number {
    return this.#bytes.get(transport)!
  }

  /** How many connections were cut. */
  get cuts(): number {
    return [...this.#cuts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Follows with these cuts. @throws {Error} that tells where they were, with what went wrong as its cause */
  async cut(what: string, cuts: Cuts, follow: () => Promise<void>): Promise<void> {
    try {
      await follow()
    } catch (cause) {
      throw new Error(`${what}, cut at ${cuts.join(' and ')}: ${(cause as Error).message}`, { cause })
    }
    this.#cuts.set(what, (this.#cuts.get(what) ?? 0) + cuts.length)
  }

  lines(): string[] {
    const cuts = [...this.#cuts].map(([what, count]) => `${what}: ${count} cuts`)
    return [
      ...cuts,
      `${this.kills} ends of foreman, ${this.begunAnew} of them in the middle of a text`,
      `${this.gaps} followers came back into text that was folded up`
    ]
  }
}
