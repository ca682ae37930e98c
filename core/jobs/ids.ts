/** Ids: a prefix that says what it is, and a lower-case ULID, so that ids sort by time. */
import { monotonicFactory } from 'ulid'

const next = monotonicFactory()

/** A new id, for example `job_01jd3…`: 26 characters after the prefix, never the same twice. */
export function newId(prefix: 'job' | 'evt'): string {
  return `${prefix}_${next().toLowerCase()}`
}
