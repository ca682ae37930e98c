/** `POST /jobs`: takes a job in, once for each idempotency key. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IdempotencyClaim, Job } from '../../core/jobs/job.ts'
import { soleOwner } from '../../core/jobs/owner.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import { admit } from './admit.ts'
import { readCreateBody } from './body.ts'
import { earlierJob, readClaim } from './idempotency.ts'
import { urlsOf } from './job-object.ts'
import { jobSchema } from './job-schema.ts'
import { describe, goneSignal, type Parts } from './parts.ts'
import { appliedOf, readPrefer } from './prefer.ts'
import { type CreateBody, createSchema } from './schemas.ts'
import { termsOf } from './terms.ts'

type CreateRequest = FastifyRequest<{ Body: CreateBody }>

const claimRoute = 'POST /jobs'

/** Adds the route. Its scope reads JSON by itself. */
export function addCreateRoute(scope: FastifyInstance, parts: Parts): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => readCreateBody(body)
  )
  const response = { 200: jobSchema, 201: jobSchema, 202: jobSchema }
  scope.post<{ Body: CreateBody }>('/jobs', { schema: { body: createSchema, response } }, (request, reply) =>
    create(scope, parts, request, reply)
  )
}

async function create(app: FastifyInstance, parts: Parts, request: CreateRequest, reply: FastifyReply) {
  const { headers, body } = request
  const claim = readClaim(headers['idempotency-key'], claimRoute, body.request.whole)
  const { job, isNew } = await accept(app, body, claim)
  reply.header('location', urlsOf(job.id).self)
  if (!isNew) reply.header('idempotency-replayed', 'true')
  const now = await follow(app, parts, job, request, reply)
  describe(reply, now)
  reply.code(isNew ? statusOf(now) : 200)
  return parts.objects.of(now)
}

/** One job for each claim, also where two requests with the same one look for its model at the same time. */
async function accept(
  app: FastifyInstance,
  body: CreateBody,
  claim: IdempotencyClaim | undefined
): Promise<{ job: Job; isNew: boolean }> {
  const before = earlierJob(app, soleOwner, claim)
  if (before !== undefined) return { job: before, isNew: false }
  const terms = termsOf(body, app.settings, Date.now())
  const work = await admit(app, body)
  const meanwhile = earlierJob(app, soleOwner, claim)
  if (meanwhile !== undefined) return { job: meanwhile, isNew: false }
  const [job] = app.queue.submit([{ owner: soleOwner, ...terms, ...work, idempotency: claim }])
  return { job: job!, isNew: true }
}

/** The job after the time that the caller would wait for its end. */
async function follow(
  app: FastifyInstance,
  { waiters }: Parts,
  job: Job,
  request: CreateRequest,
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
