/** What a follower that comes back can have missed for good: text that was folded up meanwhile, jobs that were removed. */
import type { Database } from 'better-sqlite3'
import { type Caller, ownerFilter } from '../access/caller.ts'
import type { Job } from '../jobs/job.ts'
import type { Epochs, Place } from '../jobs/places.ts'
import type { Gap } from './feeds.ts'

/** A gap, and the place behind which it is to be read on. */
export interface Missed {
  readonly gap: Gap
  readonly from: number
}

/**
 * One who stopped inside pieces of text that have been folded up since gets all text of the job anew: its first row is the
 * first snapshot, and what became void is gone before anything is folded. One who asks for events that there never were has
 * been following another history of the job: it begins anew.
 */
export function gapOfJob(db: Database, job: Job, after: number): Missed | undefined {
  if (after > job.eventSeq) return { gap: { oldestSeq: 1, snapshotSeq: null }, from: 0 }
  const inside = db
    .prepare(
      'SELECT 1 FROM output WHERE job_seq = ? AND seq > ? AND first_seq <= ? AND first_seq < seq LIMIT 1'
    )
    .get(job.seq, after, after)
  if (inside === undefined) return undefined
  const first = 'SELECT min(seq) FROM output WHERE job_seq = ?'
  const snapshotSeq = db.prepare(first).pluck().get(job.seq) as number
  return { gap: { oldestSeq: snapshotSeq, snapshotSeq }, from: snapshotSeq - 1 }
}

/** Where events of the caller were removed behind the place, or the place is none of this store. */
export function gapForCaller(db: Database, epochs: Epochs, caller: Caller, place: Place): Missed | undefined {
  const oldest = () =>
    (db.prepare('SELECT min(n) FROM event WHERE n IS NOT NULL').pluck().get() as number | null) ?? 0
  if (!epochs.knows(place)) return { gap: { oldestSeq: oldest(), snapshotSeq: null }, from: 0 }
  const owner = ownerFilter(caller)
  const last = 'SELECT max(last_n) FROM tombstone WHERE last_n IS NOT NULL'
  const removed =
    owner === undefined
      ? db.prepare(last).pluck().get()
      : db.prepare(`${last} AND owner = ?`).pluck().get(owner)
  if (((removed as number | null) ?? 0) <= place.n) return undefined
  return { gap: { oldestSeq: oldest(), snapshotSeq: null }, from: place.n }
}
