/** `POST /jobs`: takes a job in, once for each idempotency key; or many, one a line. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { InvalidEventIdError, MalformedJsonError } from '../../core/errors.ts'
import { admit } from './admit.ts'
import * as api from './api.ts'
import { readCreateBody } from './body.ts'
import { takeLines } from './bulk.ts'
import { type Draft, handIn, takeIn } from './hand-in.ts'
import { claimRoute, readClaim } from './idempotency.ts'
import { jobSchema } from './job-schema.ts'
import { type LineStreams, lineTypes } from './line-streams.ts'
import type { Parts } from './parts.ts'
import { type CreateBody, createSchema } from './schemas.ts'
import { termsOf } from './terms.ts'

type CreateRequest = FastifyRequest<{ Body: CreateBody }>

/** Adds the route. Its scope reads bodies by itself. */
export function addCreateRoute(scope: FastifyInstance, parts: Parts, streams: LineStreams): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => readCreateBody(body, scope.settings.limits.json_depth)
  )
  // Lines are checked one by one, and no limit on a body holds for all of them.
  scope.addContentTypeParser([...lineTypes], async (_request: unknown, body: Readable) => body)
  const response = { 200: jobSchema, 201: jobSchema, 202: jobSchema }
  const body = { content: { 'application/json': { schema: createSchema } } }
  const words = api.create(() => scope.jobWebhooks.refusals)
  scope.post<{ Body: CreateBody | Readable }>(
    '/jobs',
    { schema: { body, response }, config: { access: 'jobs:write', api: words } },
    (request, reply) =>
      request.body instanceof Readable
        ? takeLines(scope, streams, request, reply)
        : create(scope, parts, request as CreateRequest, reply)
  )
}

async function create(app: FastifyInstance, parts: Parts, request: CreateRequest, reply: FastifyReply) {
  const { headers, body } = request
  // Without a content type there is no parser, and so no check.
  if (body === undefined) throw new MalformedJsonError('it is empty')
  const claim = readClaim(headers['idempotency-key'], claimRoute, body.request.whole)
  const draft = async (): Promise<Draft> => {
    const terms = termsOf(request.caller, body, app.settings, Date.now())
    const webhook = app.jobWebhooks.of(request.caller, body)
    return { ...terms, webhook, ...(await admit(app, request.caller, body)) }
  }
  const streamer = app.eventStreams.for(request)
  if (streamer === undefined) return handIn(app, parts, { request, reply }, claim, draft)
  const answer = streamer.reserve(request, reply)
  const { job } = await takeIn(app, { request, reply }, claim, () => {
    // A client that comes back to its stream wants no second job.
    if (headers['last-event-id'] !== undefined) throw new InvalidEventIdError('the job is new')
    return draft()
  })
  return answer(job)
}
