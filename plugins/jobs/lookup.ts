/** Finds the job of a path for its caller. */
import type { FastifyInstance } from 'fastify'
import { isStorageFailure } from '../../core/database/open.ts'
import { NotFoundError, StorageLowError } from '../../core/errors.ts'
import type { Job } from '../../core/jobs/job.ts'
import { JobDataRemovedError } from './errors.ts'

/** The path of one job, for Fastify's types. */
export type JobPath = { Params: { id: string } }

/**
 * The job as it is now.
 * @throws {JobDataRemovedError} while its tombstone stands
 * @throws {NotFoundError} where there never was one, the tombstone is gone, or it is another owner's
 */
export function findJob({ db, jobs }: FastifyInstance, id: string, owner: string): Job {
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
