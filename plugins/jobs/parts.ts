/** What the routes of jobs share. */
import type { FastifyReply } from 'fastify'
import type { Job } from '../../core/jobs/job.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import type { Forecast } from '../../core/queue/job-queue.ts'
import { pollAfterS } from '../../core/queue/poll-hint.ts'
import type { JobObjects } from './job-object.ts'
import type { Waiters } from './waiters.ts'

/** Handed to each of them. */
export interface Parts {
  readonly objects: JobObjects
  readonly waiters: Waiters
}

/** The strong ETag of a job: its version. Estimates in `queue` move without it. */
export function etagOf(job: Job): string {
  return `"${job.version}"`
}

/**
 * Headers of every answer that is a job: `ETag`, and when to ask again while it has not ended. `forecast` is made anew
 * where it is not given.
 */
export function describe(reply: FastifyReply, job: Job, forecast?: Forecast): void {
  reply.headers({ etag: etagOf(job), 'cache-control': 'private, no-cache' })
  if (!hasEnded(job.state)) reply.header('retry-after', String(pollAfterS(reply.server.queue, job, forecast)))
}
