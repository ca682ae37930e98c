/** The `Prefer` header (RFC 7240): how long a caller would wait, and whether it would rather have an answer at once. */

/** What of it foreman honours. */
export interface Preferences {
  /** Longest wait for the job, in seconds, 60 at most; undefined where none is asked for. */
  readonly waitS: number | undefined
  readonly respondAsync: boolean
}

/** Longest time an answer is held back: below the 60 to 100 s after which proxies cut. */
export const longestWaitS = 60

/** Reads the header. What it does not know or cannot read is ignored, as RFC 7240 section 2 wants it. */
export function readPrefer(header: string | string[] | undefined): Preferences {
  const words = [header ?? []]
    .flat()
    .join(',')
    .split(',')
    .map(word => word.split(';', 1)[0]!.trim().toLowerCase())
  const waits = words
    .map(word => /^wait\s*=\s*"?(\d{1,9})"?$/.exec(word)?.[1])
    .filter(wait => wait !== undefined)
  return {
    waitS: waits[0] === undefined ? undefined : Math.min(longestWaitS, Number(waits[0])),
    respondAsync: words.includes('respond-async')
  }
}

/** `Preference-Applied`: what was honoured; undefined where there is nothing to tell. */
export function appliedOf({ waitS, respondAsync }: Preferences): string | undefined {
  const applied = [respondAsync && 'respond-async', waitS !== undefined && `wait=${waitS}`].filter(
    word => word !== false
  )
  return applied.length === 0 ? undefined : applied.join(', ')
}
