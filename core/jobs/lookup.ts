/** Finds a job for its caller, and tells a disk that takes nothing from a fault. */
import type { Database } from 'better-sqlite3'
import { isStorageFailure } from '../database/open.ts'
import { JobDataRemovedError, NotFoundError, StorageLowError } from '../errors.ts'
import type { Job } from './job.ts'
import type { JobStore } from './store.ts'

/**
 * The job as it is now.
 * @throws {JobDataRemovedError} while its tombstone stands
 * @throws {NotFoundError} where there never was one, the tombstone is gone, or it is another owner's
 */
export function findJob({ db, jobs }: { db: Database; jobs: JobStore }, id: string, owner: string): Job {
  const job = jobs.get(id)
  if (job?.owner === owner) return job
  const buried = db.prepare('SELECT 1 FROM tombstone WHERE id = ? AND owner = ?').get(id, owner)
  throw buried === undefined ? new NotFoundError() : new JobDataRemovedError()
}

/** Runs a write; a full or unwritable disk is told as such. @throws {StorageLowError} */
export function storing<T>(write: () => T): T {
  try {
    return write()
  } catch (err) {
    throw isStorageFailure(err) ? new StorageLowError({ cause: err }) : err
  }
}
