/**
 * How soon the callers of a runner usually come back, learned from what they did.
 *
 * A gap is the time from the end of a job to the next arrival for the same runner. An agent that sends its
 * next call as soon as it has its answer is never in the queue when a turn would end; its gap tells that
 * waiting a moment is cheaper than a swap.
 */
import { median } from './load-times.ts'
import { RecentMap } from './recent-map.ts'

const remembered = 8
/** How many usual gaps to wait before giving a caller up. */
const patienceInGaps = 3
/** Network and clocks add to a pause: one that is just too long by them is still waited for. */
const tolerance = 1.25

interface History {
  endedAt: number | undefined
  gaps: number[]
}

/** Gaps by runner. Times in ms. */
export class ReturnGaps {
  readonly #histories = new RecentMap<string, History>()

  /** A job of `runner` ended: whoever sent it may come back. */
  ended(runner: string, now: number): void {
    this.#history(runner).endedAt = now
  }

  /** A job for `runner` arrived. */
  arrived(runner: string, now: number): void {
    const history = this.#histories.get(runner)
    if (history?.endedAt === undefined) return
    history.gaps = [...history.gaps, now - history.endedAt].slice(-remembered)
    history.endedAt = undefined
  }

  /**
   * How long it pays to wait for the callers of `runner`, from its last job's end, `atMost` or a little more.
   * Nothing where they usually stay away for longer; `atMost` where nothing is known yet.
   */
  worthWaiting(runner: string, atMost: number): number {
    const gaps = this.#histories.get(runner)?.gaps
    if (gaps === undefined || gaps.length === 0) return atMost
    const usual = median(gaps)
    if (usual <= atMost) return Math.min(atMost, patienceInGaps * usual)
    return usual <= atMost * tolerance ? atMost * tolerance : 0
  }

  #history(runner: string): History {
    let history = this.#histories.get(runner)
    if (history === undefined) {
      history = { endedAt: undefined, gaps: [] }
      this.#histories.set(runner, history)
    }
    return history
  }
}
