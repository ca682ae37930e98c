/** Where a subscription begins. */

import { InvalidEventIdError } from '../../core/errors.ts'
import { placeOfId, seqOf, seqOfId } from '../../core/follow/event-ids.ts'
import type { From } from '../../core/follow/followers.ts'
import type { Place } from '../../core/jobs/places.ts'

/** As a client says it: a `seq`, the id of an event, or `latest`. */
export type After = number | string | undefined

/** In the events of a job; from the first where nothing is said. @throws {InvalidEventIdError} */
export function fromInJob(after: After, jobId: string): From<number> {
  if (after === undefined) return 0
  if (typeof after === 'number' || after === 'latest') return after
  return after.includes(':') ? seqOfId(after, jobId) : seqOf(after)
}

/** Among the events of all jobs; undefined: from the oldest that is kept. @throws {InvalidEventIdError} */
export function fromAmongAll(after: After): From<Place> | undefined {
  if (after === undefined || after === 'latest') return after
  if (typeof after === 'number') throw new InvalidEventIdError('among all jobs events have no seq, but an id')
  return placeOfId(after)
}
