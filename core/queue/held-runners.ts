/** Runners whose load failed: held back like a retry, so that one broken model does not keep the worker loading. */
import { backoffMs, type RetryRules } from './failure.ts'
import { RecentMap } from './recent-map.ts'

interface Hold {
  readonly failures: number
  readonly until: number
}

/** Holds by runner. Times in ms since 1970. */
export class HeldRunners {
  readonly #holds = new RecentMap<string, Hold>()
  readonly #rules: RetryRules

  constructor(rules: RetryRules) {
    this.#rules = rules
  }

  /** The load failed at `now`: no further try before the back-off is over. */
  failed(runner: string, now: number): void {
    const failures = (this.#holds.get(runner)?.failures ?? 0) + 1
    this.#holds.set(runner, { failures, until: now + backoffMs(failures, this.#rules) })
  }

  /** The load succeeded. */
  loaded(runner: string): void {
    this.#holds.delete(runner)
  }

  /** Whether the runner must not be loaded at `now`. */
  holds(runner: string, now: number): boolean {
    return (this.#holds.get(runner)?.until ?? 0) > now
  }

  /** When the next hold after `now` ends. */
  nextEnd(now: number): number | undefined {
    const ends = [...this.#holds.values()].map(hold => hold.until).filter(until => until > now)
    return ends.length === 0 ? undefined : Math.min(...ends)
  }
}
