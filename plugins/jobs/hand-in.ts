/** Takes one job in and answers with it: for `POST /jobs`, and for routes that make a job of another request. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { goneSignal } from '../../core/gone-signal.ts'
import { KeyTakenError } from '../../core/jobs/idempotency.ts'
import type { IdempotencyClaim, Job, NewJob } from '../../core/jobs/job.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import { traceOf } from '../../core/trace-context.ts'
import { earlierJob } from './idempotency.ts'
import { urlsOf } from './job-object.ts'
import type { JobObject } from './job-schema.ts'
import { describe, type Parts } from './parts.ts'
import { appliedOf, readPrefer } from './prefer.ts'

/** A job without what the way in gives it. */
export type Draft = Omit<NewJob, 'lane' | 'owner' | 'traceparent' | 'idempotency'>

/** The new job, or the one that the same request made before. */
export interface Handed {
  readonly job: Job
  readonly isNew: boolean
}

/**
 * Takes a job in, once for each claim, waits for its end where the caller would, and gives the body of the answer;
 * status and headers are set. `draft` is called for a job that is new.
 * @throws {IdempotencyKeyReusedError} {JobDataRemovedError} {QueueFullError} {QueueQuotaExceededError} {DrainingError}
 * {StorageLowError}, and what `draft` and the counting of the caller's jobs throw
 */
export async function handIn(
  app: FastifyInstance,
  parts: Parts,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  claim: IdempotencyClaim | undefined,
  draft: () => Promise<Draft>
): Promise<JobObject> {
  const { job, isNew } = await takeIn(app, { request, reply }, claim, draft)
  const now = await follow(app, parts, job, request, reply)
  // What was taken in a moment ago is the last: where it stands needs no count of those before it.
  const forecast = isNew && now === job ? app.queue.forecaster.ofNew(job) : undefined
  describe(reply, now, forecast)
  reply.code(isNew ? statusOf(now) : 200)
  return parts.objects.of(now, { forecast })
}

/** The same without waiting, and without an answer: its headers tell which job it is. @throws what {@link handIn} throws */
export async function takeIn(
  app: FastifyInstance,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  claim: IdempotencyClaim | undefined,
  draft: () => Promise<Draft>
): Promise<Handed> {
  const handed = await accept(app, request, claim, draft)
  reply.header('location', urlsOf(handed.job.id).self)
  if (!handed.isNew) reply.header('idempotency-replayed', 'true')
  return handed
}

/** One job for each claim, also where two requests with the same one look for its model at the same time. */
async function accept(
  app: FastifyInstance,
  { caller, raw }: FastifyRequest,
  claim: IdempotencyClaim | undefined,
  draft: () => Promise<Draft>
): Promise<Handed> {
  const before = earlierJob(app, caller, claim)
  if (before !== undefined) return { job: before, isNew: false }
  const job = { ...(await draft()), ...traceOf(raw), caller, owner: caller.owner, idempotency: claim }
  try {
    return { job: await app.queue.submitSoon(job), isNew: true }
  } catch (err) {
    if (!(err instanceof KeyTakenError)) throw err
    return { job: earlierJob(app, caller, claim)!, isNew: false }
  }
}

/** The job after the time that the caller would wait for its end. */
async function follow(
  app: FastifyInstance,
  { waiters }: Parts,
  job: Job,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<Job> {
  const prefer = readPrefer(request.headers.prefer)
  const applied = appliedOf(prefer)
  if (applied !== undefined) reply.header('preference-applied', applied)
  if (prefer.waitS === undefined || hasEnded(job.state)) return job
  await waiters.wait(job.id, ({ state }) => hasEnded(state), prefer.waitS * 1000, goneSignal(reply))
  // A very short retention may have removed it again.
  return app.jobs.get(job.id) ?? job
}

function statusOf({ state }: Job): 201 | 202 {
  return hasEnded(state) ? 201 : 202
}
