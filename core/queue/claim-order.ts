/**
 * The order of claims: when each was made.
 *
 * A claim is made when its job is due, but not before its runner's last turn but one ended. If it counted from the last
 * one, runners with overdue work would be served in a circle, however long theirs has waited; from none, a long backlog
 * would go before younger claims again and again.
 */
import type { Head } from '../jobs/waiting.ts'
import { RecentMap } from './recent-map.ts'

/** When a runner lost the worker: the last time, and the time before that; twice the same after its first turn. */
interface TurnEnds {
  readonly last: number
  readonly lastButOne: number
}

/** What is known of ended turns. Times in ms. */
export class ClaimOrder {
  readonly #ends = new RecentMap<string, TurnEnds>()

  /** One that knows the same of `runners`. */
  copy(runners: Iterable<string>): ClaimOrder {
    const copy = new ClaimOrder()
    for (const runner of runners) {
      const ends = this.#ends.get(runner)
      if (ends !== undefined) copy.#ends.set(runner, ends)
    }
    return copy
  }

  /** `runner` lost the worker at `now`: what waits there, or comes back for a retry, claims anew. */
  lost(runner: string, now: number): void {
    this.#ends.set(runner, { last: now, lastButOne: this.#ends.get(runner)?.last ?? now })
  }

  /** When the claim of this head was made. */
  madeAt({ runner, dueAt }: Head): number {
    return Math.max(dueAt, this.#ends.get(runner)?.lastButOne ?? dueAt)
  }

  /** The first of them. @throws where there is none */
  earliest(heads: readonly Head[]): Head {
    return heads.reduce((best, head) => (this.madeAt(head) < this.madeAt(best) ? head : best))
  }
}
