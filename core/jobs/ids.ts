/** Ids: a prefix that says what it is, and a lower-case ULID, so that ids sort by time. */
import { randomInt } from 'node:crypto'
import { monotonicFactory } from 'ulid'

const base = 32

// ulid's own source of chance asks the system for each of 16 characters; Node's keeps a pool of them.
const next = monotonicFactory(() => randomInt(base) / base)

/** A new id, for example `job_01jd3…`: 26 characters after the prefix, never the same twice. */
export function newId(prefix: 'job' | 'evt' | 'art' | 'tok' | 'whe' | 'dlv'): string {
  return `${prefix}_${next().toLowerCase()}`
}
