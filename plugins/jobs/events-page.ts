/** `GET /jobs/{id}/events`: the stored events of a job, page by page, or as they come where somebody streams them. */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { Cursors } from '../../core/cursor.ts'
import { EventLog } from '../../core/jobs/event-log.ts'
import * as api from './api.ts'
import { findJob, type JobPath } from './lookup.ts'

const defaultLimit = 100

const querySchema = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Defaults to 100.' })),
    after: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), Type.Literal('latest')], {
        description: 'Only events with a higher seq; latest: only those that come from now on.'
      })
    ),
    cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before.' })),
    last_event_id: Type.Optional(
      Type.String({ description: 'Of a stream: what Last-Event-ID says, which counts before it.' })
    ),
    heartbeat: Type.Optional(
      Type.Enum(['comment', 'event'], {
        description: 'Of a stream: what is sent in silence. event: an event ping, which scripts can see.'
      })
    )
  },
  { additionalProperties: false }
)

type Query = Static<typeof querySchema>

const eventSchema = Type.Object({
  id: Type.String(),
  job_id: Type.String(),
  seq: Type.Integer({ description: 'Counts from 1 without a gap.' }),
  type: Type.String({
    description: 'job. and the state, or job.retrying. New types come without a new version.'
  }),
  attempt: Type.Integer(),
  created_at: Type.String({ format: 'date-time' }),
  data: Type.Record(Type.String(), Type.Unknown())
})

const pageSchema = Type.Object({
  data: Type.Array(eventSchema),
  has_more: Type.Boolean(),
  next_cursor: Type.Union([Type.String(), Type.Null()])
})

/** Adds the route. */
export function addEventsRoute(scope: FastifyInstance): void {
  const log = new EventLog(scope.db)
  const cursors = new Cursors(scope.secrets)
  const schema = { querystring: querySchema, response: { 200: pageSchema } }
  scope.get<JobPath & { Querystring: Query }>(
    '/jobs/:id/events',
    { schema, config: { access: 'jobs:read', ticket: 'reusable', api: api.events } },
    async (request, reply) => {
      const { params, query, caller } = request
      const job = findJob(scope, params.id, caller)
      const streamer = scope.eventStreams.for(request)
      if (streamer !== undefined) return streamer.answer(request, reply, job)
      const { limit = defaultLimit, after = 0, cursor } = query
      // A cursor is good for the events of one job only.
      const reader = `${caller.owner} ${job.id}`
      const start = after === 'latest' ? job.eventSeq : after
      const from = cursor === undefined ? start : Math.max(start, cursors.read(cursor, reader))
      const found = log.after(job, from, limit + 1)
      const page = found.slice(0, limit)
      const hasMore = found.length > limit
      return {
        data: page.map(event => scope.eventObjects.of(event)),
        has_more: hasMore,
        next_cursor: hasMore ? cursors.write(page.at(-1)!.seq, reader) : null
      }
    }
  )
}
