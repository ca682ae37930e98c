/** Finds a job for its caller, and tells a disk that takes nothing from a fault. */
import type { Database } from 'better-sqlite3'
import { type Caller, sees } from '../access/caller.ts'
import { isStorageFailure } from '../database/open.ts'
import { JobDataRemovedError, NotFoundError, StorageLowError } from '../errors.ts'
import type { Job } from './job.ts'
import type { JobStore } from './store.ts'

/**
 * The job as it is now.
 * @throws {JobDataRemovedError} while its tombstone stands
 * @throws {NotFoundError} where there never was one, the tombstone is gone, or it is another owner's
 */
export function findJob({ db, jobs }: { db: Database; jobs: JobStore }, id: string, caller: Caller): Job {
  const job = jobs.get(id)
  if (job !== undefined && sees(caller, job)) return job
  const buried = db.prepare('SELECT owner FROM tombstone WHERE id = ?').get(id) as
    | Pick<Job, 'owner'>
    | undefined
  throw buried !== undefined && sees(caller, buried) ? new JobDataRemovedError() : new NotFoundError()
}

/** Runs a write; a full or unwritable disk is told as such. @throws {StorageLowError} */
export function storing<T>(write: () => T): T {
  try {
    return write()
  } catch (err) {
    throw isStorageFailure(err) ? new StorageLowError({ cause: err }) : err
  }
}
