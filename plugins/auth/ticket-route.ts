/** `POST /stream-tickets`: what a page puts into the address of a stream, in the place of a token. */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { emptyBody } from '../../core/empty-body.ts'
import { findJob } from '../../core/jobs/lookup.ts'
import * as api from './api.ts'
import type { Tickets } from './tickets.ts'

const longestTtlS = 60

const bodySchema = Type.Object(
  {
    job_id: Type.Optional(
      Type.String({ description: 'The only job that it is good for; left out: all own jobs.' })
    ),
    ttl_s: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: longestTtlS, description: 'Defaults to 60.' })
    )
  },
  { additionalProperties: false }
)

const ticketSchema = Type.Object({ ticket: Type.String(), expires_at: Type.String({ format: 'date-time' }) })

type Body = Static<typeof bodySchema>

/** Adds the route. */
export function addTicketRoute(scope: FastifyInstance, tickets: Tickets): void {
  scope.post<{ Body: Body }>(
    '/stream-tickets',
    {
      schema: { body: bodySchema, response: { 201: ticketSchema } },
      preValidation: emptyBody,
      config: { access: 'jobs:read', api: api.ticket }
    },
    async ({ caller, body }, reply) => {
      const now = Date.now()
      const expiresAt = now + (body.ttl_s ?? longestTtlS) * 1000
      if (body.job_id !== undefined) findJob(scope, body.job_id, caller)
      const ticket = tickets.issue({ tokenId: caller.tokenId!, jobId: body.job_id }, expiresAt, now)
      reply.code(201).header('cache-control', 'no-store')
      return { ticket, expires_at: new Date(expiresAt).toISOString() }
    }
  )
}
