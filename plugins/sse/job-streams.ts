/** The stream of one job: `GET /jobs/{id}/events` and `POST /jobs`, which belong to the plugin `jobs`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { seqOfId } from '../../core/follow/event-ids.ts'
import type { From } from '../../core/follow/followers.ts'
import type { Job } from '../../core/jobs/job.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import type { EventStreamer } from '../jobs/event-streams.ts'
import type { Subject } from './connection.ts'
import type { Frames, Heartbeat } from './frames.ts'
import type { Streams } from './streams.ts'

interface Query {
  readonly last_event_id?: string
  readonly after?: From<number>
  readonly heartbeat?: Heartbeat
}

/** Makes the streamer. */
export function jobStreamer(app: FastifyInstance, streams: Streams, frames: Frames): EventStreamer {
  const subject = (job: Job, after: From<number>, heartbeat: Heartbeat = 'comment'): Subject => ({
    frames,
    heartbeat,
    follow: sink => app.followers.ofJob(job, after, sink)
  })
  return {
    answer(request, reply, job) {
      const query = request.query as Query
      const after = startOf(request, query, job)
      if (isComplete(job, after)) return nothingLeft(app, reply, after)
      streams.reserve(request, reply)
      return streams.open(request, reply, subject(job, after, query.heartbeat), isReturn(after))
    },
    reserve(request, reply) {
      streams.reserve(request, reply)
      return job => {
        const after = startOf(request, {}, job)
        if (isComplete(job, after)) return nothingLeft(app, reply, after)
        return streams.open(request, reply, subject(job, after), isReturn(after))
      }
    }
  }
}

/** @throws {InvalidEventIdError} for an id that is none of the job's */
function startOf({ headers }: FastifyRequest, { last_event_id, after = 0 }: Query, job: Job): From<number> {
  const id = headers['last-event-id'] ?? last_event_id
  return id === undefined ? after : seqOfId(String(id), job.id)
}

function isReturn(after: From<number>): boolean {
  return after !== 'latest' && after > 0
}

function isComplete({ state, eventSeq }: Job, after: From<number>): boolean {
  return hasEnded(state) && (after === 'latest' || after === eventSeq)
}

/** Tells a browser's EventSource to stop, which comes back after every end of a stream. */
function nothingLeft({ telemetry }: FastifyInstance, reply: FastifyReply, after: From<number>): FastifyReply {
  if (isReturn(after)) telemetry.emit('streamResumed', 'sse', 'complete')
  return reply.code(204).header('cache-control', 'no-store').send()
}
