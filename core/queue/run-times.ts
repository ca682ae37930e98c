/** How long a job of each runner takes on the target, learned from those that ran: for estimates only. */
import { RecentMap } from './recent-map.ts'

/** Weight of the newest run in the running mean. */
const newestWeight = 0.2
const unknownMs = 5000

/** Running means by runner, in ms. */
export class RunTimes {
  readonly #means = new RecentMap<string, number>()

  /** A job of `runner` took `ms`, without its load. */
  record(runner: string, ms: number): void {
    const mean = this.#means.get(runner)
    this.#means.set(runner, mean === undefined ? ms : mean + newestWeight * (ms - mean))
  }

  /** What the next one may take; five seconds where nothing is known. */
  of(runner: string): number {
    return this.#means.get(runner) ?? unknownMs
  }
}
