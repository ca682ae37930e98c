/** `POST /jobs/{id}/cancel`, `POST /jobs/{id}/retry`, `DELETE /jobs/{id}`: what a caller does to its job. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../../core/access/caller.ts'
import { priorityFor } from '../../core/access/limits.ts'
import type { ApiDescription } from '../../core/api-description.ts'
import { JobNotFinishedError } from '../../core/errors.ts'
import type { Job } from '../../core/jobs/job.ts'
import { removeJob } from '../../core/jobs/retention.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import { traceOf } from '../../core/trace-context.ts'
import { admitAgain } from './admit.ts'
import * as api from './api.ts'
import { JobNotRetryableError } from './errors.ts'
import { urlsOf } from './job-object.ts'
import { jobSchema } from './job-schema.ts'
import { findJob, type JobPath, storing } from './lookup.ts'
import { describe, type Parts } from './parts.ts'

type JobRequest = FastifyRequest<JobPath>

/** Adds the routes. */
export function addChangeRoutes(scope: FastifyInstance, parts: Parts): void {
  const schema = { response: { 200: jobSchema, 202: jobSchema } }
  const configOf = (audit: string, words: ApiDescription) =>
    ({ access: 'jobs:write', audit, api: words }) as const
  scope.post<JobPath>(
    '/jobs/:id/cancel',
    { schema, config: configOf('job.cancel', api.cancel) },
    (request, reply) => cancel(scope, parts, request, reply)
  )
  scope.post<JobPath>(
    '/jobs/:id/retry',
    { schema: { response: { 202: jobSchema } }, config: configOf('job.retry', api.retry) },
    (request, reply) => retry(scope, parts, request, reply)
  )
  scope.delete<JobPath>('/jobs/:id', { config: configOf('job.delete', api.remove) }, (request, reply) =>
    remove(scope, request, reply)
  )
}

/** Always the job, so that a caller who comes too late sees how it ended. */
async function cancel(
  app: FastifyInstance,
  { objects }: Parts,
  { params, caller }: JobRequest,
  reply: FastifyReply
) {
  const job = findJob(app, params.id, caller)
  const now = storing(() => app.queue.cancel(job.id)) ?? job
  describe(reply, now)
  reply.code(hasEnded(now.state) ? 200 : 202)
  return objects.of(now)
}

/** A new job: the old one's story is over. */
async function retry(
  app: FastifyInstance,
  { objects }: Parts,
  { params, caller, raw }: JobRequest,
  reply: FastifyReply
) {
  const old = findJob(app, params.id, caller)
  if (!hasEnded(old.state) || old.state === 'done') throw new JobNotRetryableError(`it is ${old.state}`)
  const request = app.jobs.request(old)
  if (request === undefined) throw new JobNotRetryableError('its request was not kept')
  const work = await admitAgain(app, caller, request)
  const [job] = app.queue.submit([{ ...termsOf(app, caller, old), ...work, ...traceOf(raw), caller }])
  describe(reply, job!)
  reply.code(202).header('location', urlsOf(job!.id).self)
  return objects.of(job!)
}

/** Those of the old job; a delay that it once had is over, and its class may be above what its caller has now. */
function termsOf({ jobs }: FastifyInstance, caller: Caller, old: Job) {
  const { owner, maxAttempts, runTimeoutMs, retentionMs, startBy, createdAt } = old
  return {
    ...{ owner, maxAttempts, runTimeoutMs, retentionMs },
    priority: priorityFor(caller, undefined, old.priority),
    startBy: startBy === null ? undefined : Date.now() + startBy - createdAt,
    metadata: jobs.details.metadata(old.seq),
    webhook: jobs.details.webhook(old.seq),
    retryOf: old.id
  }
}

async function remove(app: FastifyInstance, { params, caller }: JobRequest, reply: FastifyReply) {
  const job = findJob(app, params.id, caller)
  if (!hasEnded(job.state)) throw new JobNotFinishedError(job.state)
  storing(() => removeJob(app.db, job, Date.now()))
  reply.code(204)
}
