/** How long a job of each runner works on the target, learned from those that ended well: for estimates only. */
import type { RunRecord } from '../jobs/runs.ts'
import { RecentMap } from './recent-map.ts'

/** The newest run counts as one of this many. */
const window = 20
const unknownMs = 5000

interface Learned {
  readonly runs: number
  readonly meanMs: number
  readonly varianceMs2: number
}

/** What one run may take, in ms. */
export interface RunTime {
  readonly meanMs: number
  /** Standard deviation. */
  readonly deviationMs: number
}

/** Running means by runner. */
export class RunTimes {
  readonly #learned = new RecentMap<string, Learned>()

  /** A job of `runner` took `ms`, without its load. */
  record(runner: string, ms: number): void {
    const { runs, meanMs, varianceMs2 } = this.#learned.get(runner) ?? { runs: 0, meanMs: 0, varianceMs2: 0 }
    const weight = Math.max(1 / (runs + 1), 1 / window)
    const off = ms - meanMs
    this.#learned.set(runner, {
      runs: runs + 1,
      meanMs: meanMs + weight * off,
      varianceMs2: runs === 0 ? 0 : (1 - weight) * (varianceMs2 + weight * off * off)
    })
  }

  /** Learns from what is recorded, the oldest first. */
  teach(runs: readonly RunRecord[]): void {
    for (const { runner, outcome, beganAt, endedAt } of runs) {
      if (outcome === 'done') this.record(runner, endedAt - beganAt)
    }
  }

  /** The mean of a runner's runs in ms; undefined before its first. */
  measured(runner: string): number | undefined {
    return this.#learned.get(runner)?.meanMs
  }

  /** What the next one may take: where the runner has not run yet, the mean of the others; without any, five seconds. */
  of(runner: string): RunTime {
    const learned = this.#learned.get(runner)
    if (learned === undefined) {
      const meanMs = this.#meanOfAll()
      return { meanMs, deviationMs: meanMs }
    }
    return { meanMs: learned.meanMs, deviationMs: Math.sqrt(learned.varianceMs2) }
  }

  #meanOfAll(): number {
    if (this.#learned.size === 0) return unknownMs
    let sum = 0
    for (const { meanMs } of this.#learned.values()) sum += meanMs
    return sum / this.#learned.size
  }
}
