/** `GET /events`: the events of all jobs that a caller may see, in one stream. */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Caller } from '../../core/access/caller.ts'
import { BadRequestError } from '../../core/errors.ts'
import { placeOfId } from '../../core/follow/event-ids.ts'
import type { Filter } from '../../core/follow/feeds.ts'
import { findJob } from '../../core/jobs/lookup.ts'
import * as api from './api.ts'
import type { Frames } from './frames.ts'
import type { Streams } from './streams.ts'

const querySchema = Type.Object(
  {
    types: Type.Optional(
      Type.String({ description: 'Only events of these types, with commas between: `job.done,job.failed`.' })
    ),
    job_ids: Type.Optional(Type.String({ description: 'Only events of these jobs, with commas between.' })),
    last_event_id: Type.Optional(
      Type.String({ description: 'What Last-Event-ID says, which counts before it.' })
    ),
    after: Type.Optional(
      Type.Literal('latest', { description: 'Only what comes from now on. Left out: from the oldest event.' })
    ),
    heartbeat: Type.Optional(
      Type.Enum(['comment', 'event'], {
        description: 'What is sent in silence. event: an event ping, which scripts can see.'
      })
    )
  },
  { additionalProperties: false }
)

type Query = Static<typeof querySchema>

const jobIdForm = /^job_[0-9a-z]{26}$/

/** Adds the route. */
export function addEventsRoute(scope: FastifyInstance, streams: Streams, frames: Frames): void {
  scope.get<{ Querystring: Query }>(
    '/events',
    {
      schema: { querystring: querySchema },
      config: { access: 'jobs:read', ticket: 'reusable', api: api.events }
    },
    async (request, reply) => {
      const { query, headers, caller } = request
      const filter = filterOf(scope, query, caller)
      const id = headers['last-event-id'] ?? query.last_event_id
      const after = id === undefined ? query.after : placeOfId(String(id))
      streams.reserve(request, reply)
      const subject = {
        frames,
        heartbeat: query.heartbeat ?? 'comment',
        follow: (sink: Parameters<typeof scope.followers.ofAll>[3]) =>
          scope.followers.ofAll(caller, filter, after, sink)
      }
      return streams.open(request, reply, subject, id !== undefined)
    }
  )
}

/**
 * Types that nobody knows are allowed: new ones come.
 * @throws {BadRequestError} for what cannot be the id of a job
 * @throws {NotFoundError} {JobDataRemovedError} for a job that is not there for the caller
 */
function filterOf(scope: FastifyInstance, { types, job_ids }: Query, caller: Caller): Filter {
  const jobIds = job_ids?.split(',')
  for (const id of jobIds ?? []) {
    if (!jobIdForm.test(id)) throw new BadRequestError('job_ids has something in it that is no id of a job')
    findJob(scope, id, caller)
  }
  return {
    ...(types !== undefined && { types: new Set(types.split(',')) }),
    ...(jobIds !== undefined && { jobIds: new Set(jobIds) })
  }
}
