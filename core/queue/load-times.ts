/**
 * How long a swap to each runner takes, learned from the swaps that happened.
 *
 * A swap is unload, wait and load together. The estimate is the median of the runner's last five; before its
 * first, its size at the speed of the others; when nothing is known, ten seconds.
 */
import { RecentMap } from './recent-map.ts'

const remembered = 5
const unknownLoadMs = 10_000

/** Measured swaps by runner. Times in ms, sizes in bytes. */
export class LoadTimes {
  readonly #measured = new RecentMap<string, number[]>()
  readonly #sizes = new RecentMap<string, number>()
  readonly #estimates = new RecentMap<string, number>()

  /** Tells the size of a runner's weights, from which its first load is estimated. */
  describe(runner: string, sizeBytes: number): void {
    if (this.#sizes.get(runner) === sizeBytes) return
    this.#sizes.set(runner, sizeBytes)
    this.#estimates.clear()
  }

  /** A whole swap to `runner` took `ms`. */
  record(runner: string, ms: number): void {
    const all = [...(this.#measured.get(runner) ?? []), ms].slice(-remembered)
    this.#measured.set(runner, all)
    this.#estimates.clear()
  }

  /** The median of a runner's last five swaps in ms; undefined before its first. */
  measured(runner: string): number | undefined {
    const own = this.#measured.get(runner)
    return own && median(own)
  }

  /** The expected time of a swap to `runner`, in ms. */
  of(runner: string): number {
    const known = this.#estimates.get(runner)
    if (known !== undefined) return known
    const estimate = this.#estimate(runner)
    this.#estimates.set(runner, estimate)
    return estimate
  }

  #estimate(runner: string): number {
    const own = this.#measured.get(runner)
    if (own !== undefined) return median(own)
    const sizeBytes = this.#sizes.get(runner)
    const paces = this.#msPerByte()
    return sizeBytes === undefined || paces.length === 0 ? unknownLoadMs : sizeBytes * median(paces)
  }

  #msPerByte(): number[] {
    const paces: number[] = []
    for (const [runner, measured] of this.#measured) {
      const sizeBytes = this.#sizes.get(runner)
      if (sizeBytes !== undefined && sizeBytes > 0) paces.push(median(measured) / sizeBytes)
    }
    return paces
  }
}

/** The middle value; of an even count the lower of the two middle ones. @throws on an empty list */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted[Math.floor((sorted.length - 1) / 2)]
  if (middle === undefined) throw new RangeError('median of nothing')
  return middle
}
