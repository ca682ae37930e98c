/** What a benchmark finds: figures with a unit, and the values that the design wants them to reach. */

/** Where a figure should lie. */
export interface Reach {
  readonly atMost?: number
  readonly atLeast?: number
}

/** One measured value. */
export interface Figure {
  readonly what: string
  readonly value: number
  /** `×` for a ratio. */
  readonly unit: 'µs' | 'ms' | 's' | 'MB' | '/s' | '×' | ''
  /** Left out for values that only help to read the others. */
  readonly reach?: Reach
}

/** Whether a figure lies where it should; undefined where nothing is asked of it. */
export function isReached({ value, reach }: Figure): boolean | undefined {
  if (reach === undefined) return undefined
  return (
    value <= (reach.atMost ?? Number.POSITIVE_INFINITY) &&
    value >= (reach.atLeast ?? Number.NEGATIVE_INFINITY)
  )
}

/** The value below which the part `fraction` (0 to 1) of `values` lies. @throws {RangeError} on an empty list */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))]
  if (value === undefined) throw new RangeError('quantile of nothing')
  return value
}

/** The middle value. @throws {RangeError} on an empty list */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}
