/**
 * Learns from its errors how far estimates can be trusted: of the jobs that started lately, how much longer than
 * foreseen did the middle one wait, and how much longer did nine of ten at most?
 *
 * The rank is that of split conformal prediction: as long as the next error comes from where the last ones came
 * from, nine of ten jobs start within the p90, whatever the shape of the errors (Vovk et al., "Algorithmic Learning
 * in a Random World").
 */
import type { StartEstimates } from '../jobs/start-estimates.ts'
import type { Outlook } from './outlook.ts'

/** When a job is likely to start, counted from when it may. Times in ms. */
export interface StartQuantiles {
  readonly p50Ms: number
  readonly p90Ms: number
}

const remembered = 200
/** Errors that are needed before they are believed. */
const enough = 20
/** Starts that are learned from again after a restart. */
const relearned = 2000
/** Added to both sides of a ratio, so that short waits err by an amount and long ones by a part. */
const smallWaitMs = 250

/** Before anything is learned. */
const caution = { part: 1.5, deviations: 1.3, addMs: 250 }

class Errors {
  #newest: number[] = []
  #sorted: number[] | undefined

  add(error: number): void {
    if (this.#newest.push(error) > remembered) this.#newest.shift()
    this.#sorted = undefined
  }

  get count(): number {
    return this.#newest.length
  }

  /** The error that `part` of the next ones should not exceed. */
  quantile(part: number): number {
    this.#sorted ??= this.#newest.toSorted((a, b) => a - b)
    const rank = Math.ceil(part * (this.#sorted.length + 1))
    return this.#sorted[Math.min(rank, this.#sorted.length) - 1]!
  }
}

/** Errors by the basis of the estimate: see {@link basisOf}. */
export class Calibration {
  readonly #errors = new Map<string, Errors>()

  /** Learns again what earlier starts taught. */
  teach(estimates: StartEstimates): void {
    for (const { basis, expectedMs, waitedMs } of estimates.newest(relearned)) {
      this.learn(basis, expectedMs, waitedMs)
    }
  }

  /** A job that was expected to wait for `expectedMs` has waited for `waitedMs`. */
  learn(basis: string, expectedMs: number, waitedMs: number): void {
    let errors = this.#errors.get(basis)
    if (errors === undefined) {
      errors = new Errors()
      this.#errors.set(basis, errors)
    }
    errors.add((waitedMs + smallWaitMs) / (expectedMs + smallWaitMs))
  }

  /** What is to be expected where `outlook` is foreseen. */
  quantiles(basis: string, { waitMs, deviationMs }: Outlook): StartQuantiles {
    const errors = this.#errors.get(basis)
    if (errors === undefined || errors.count < enough) {
      const { part, deviations, addMs } = caution
      return { p50Ms: waitMs, p90Ms: part * waitMs + deviations * deviationMs + addMs }
    }
    const at = (part: number) => Math.max(0, errors.quantile(part) * (waitMs + smallWaitMs) - smallWaitMs)
    return { p50Ms: at(0.5), p90Ms: at(0.9) }
  }
}
