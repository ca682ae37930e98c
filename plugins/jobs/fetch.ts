/** `GET /jobs/{id}`: the job now, or when it has changed. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { goneSignal } from '../../core/gone-signal.ts'
import type { Job } from '../../core/jobs/job.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import * as api from './api.ts'
import { jobSchema } from './job-schema.ts'
import { findJob, type JobPath } from './lookup.ts'
import { describe, etagOf, type Parts } from './parts.ts'
import { appliedOf, readPrefer } from './prefer.ts'
import { type FetchQuery, fetchQuerySchema } from './schemas.ts'

type FetchRoute = JobPath & { Querystring: FetchQuery }

const jsonType = 'application/json; charset=utf-8'

/** Adds the route. */
export function addFetchRoute(scope: FastifyInstance, parts: Parts): void {
  const schema = { querystring: fetchQuerySchema, response: { 200: jobSchema } }
  scope.get<FetchRoute>(
    '/jobs/:id',
    { schema, config: { access: 'jobs:read', api: api.fetch } },
    (request, reply) => fetchJob(scope, parts, request, reply)
  )
}

async function fetchJob(
  app: FastifyInstance,
  parts: Parts,
  request: FastifyRequest<FetchRoute>,
  reply: FastifyReply
) {
  const known = request.headers['if-none-match']
  const job = await awaited(app, parts, request, reply)
  describe(reply, job)
  if (known !== undefined && isKnown(job, known)) return reply.code(304).send()
  const object = parts.objects.of(job)
  if (request.query.include !== 'request') return object
  reply.type(jsonType)
  return withRequest(object, app.jobs.request(job)?.body)
}

/** With `If-None-Match` any change is waited for, without it the end. */
async function awaited(
  app: FastifyInstance,
  { waiters }: Parts,
  request: FastifyRequest<FetchRoute>,
  reply: FastifyReply
): Promise<Job> {
  const { params, headers, caller } = request
  const job = findJob(app, params.id, caller)
  const { waitS } = readPrefer(headers.prefer)
  if (waitS === undefined) return job
  reply.header('preference-applied', appliedOf({ waitS, respondAsync: false }))
  const known = headers['if-none-match']
  const enough = (now: Job) => hasEnded(now.state) || (known !== undefined && !isKnown(now, known))
  if (enough(job)) return job
  await waiters.wait(job.id, enough, waitS * 1000, goneSignal(reply))
  return findJob(app, params.id, caller)
}

/** Weak comparison, as RFC 9110 section 13.1.2 has it for this header. */
function isKnown(job: Job, ifNoneMatch: string): boolean {
  const tags = ifNoneMatch.split(',').map(tag => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etagOf(job))
}

/** The request's own bytes: numbers and repeated names in it would not outlive being parsed. */
function withRequest(object: object, body: Buffer | undefined): Buffer {
  const head = JSON.stringify(object).slice(0, -1)
  return Buffer.concat([Buffer.from(`${head},"request":`), body ?? Buffer.from('null'), Buffer.from('}')])
}
