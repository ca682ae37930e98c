/** Calls that are under way, by token: they end when their token does, an open stream as well. */
import type { FastifyReply } from 'fastify'
import type { Farewells } from '../../core/access/farewells.ts'

/** Pause between two looks: a token that is revoked, by a command beside the server too, is felt within a second. */
const lookEveryMs = 500

/** Ends calls whose token is no longer good. */
export class LiveCalls {
  readonly #isGood: (tokenId: string) => boolean
  readonly #farewells: Farewells
  readonly #open = new Map<string, Set<FastifyReply['raw']>>()
  readonly #timer: NodeJS.Timeout

  /** @param isGood whether a token may still be used now */
  constructor(isGood: (tokenId: string) => boolean, farewells: Farewells) {
    this.#isGood = isGood
    this.#farewells = farewells
    this.#timer = setInterval(() => this.check(), lookEveryMs)
    this.#timer.unref()
  }

  /** Watches a call until it is over. */
  add(tokenId: string, { raw }: FastifyReply): void {
    const calls = this.#open.get(tokenId) ?? new Set()
    this.#open.set(tokenId, calls.add(raw))
    raw.once('close', () => {
      calls.delete(raw)
      if (calls.size === 0 && this.#open.get(tokenId) === calls) this.#open.delete(tokenId)
    })
  }

  /** Looks at every token that has calls, and cuts those of tokens that are over. */
  check(): void {
    for (const [tokenId, calls] of this.#open) {
      if (this.#isGood(tokenId)) continue
      for (const raw of calls) this.#farewells.cut(raw)
    }
  }

  /** Stops looking. */
  close(): void {
    clearInterval(this.#timer)
  }
}
