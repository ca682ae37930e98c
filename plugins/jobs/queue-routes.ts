/** `GET /queue` and its switches. It tells counts only, so that nobody learns of others' jobs. */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { storing } from './lookup.ts'

const count = Type.Integer({ minimum: 0 })

const queueSchema = Type.Object({
  depth: Type.Object({ total: count, interactive: count, normal: count, batch: count }),
  max_queued: Type.Integer({ description: 'Jobs that may wait; one more is refused with queue_full.' }),
  resident: Type.Union([Type.String({ description: 'The runner whose turn it is.' }), Type.Null()]),
  busy: Type.Boolean({ description: 'A job is on the target now.' }),
  paused: Type.Boolean({ description: 'Nothing is started.' }),
  draining: Type.Boolean({ description: 'Nothing is accepted.' }),
  oldest_age_s: Type.Union([
    Type.Number({ description: 'Age of the oldest of the waiting jobs that may run.' }),
    Type.Null()
  ])
})

/** Adds the routes. */
export function addQueueRoutes(scope: FastifyInstance): void {
  const { queue } = scope
  const schema = { response: { 200: queueSchema } }
  const turn = (write: () => void) => async () => {
    storing(write)
    return queueObject(scope)
  }
  scope.get('/queue', { schema }, async () => queueObject(scope))
  scope.post(
    '/queue/pause',
    { schema },
    turn(() => queue.pause())
  )
  scope.post(
    '/queue/drain',
    { schema },
    turn(() => queue.drain())
  )
  scope.post(
    '/queue/resume',
    { schema },
    turn(() => queue.resume())
  )
}

function queueObject({ queue, queueDepth, settings }: FastifyInstance): Static<typeof queueSchema> {
  const oldest = queue.oldestCreatedAt
  return {
    depth: { total: queueDepth.total, ...queueDepth.byPriority },
    max_queued: settings.queue.max_queued,
    resident: queue.resident ?? null,
    busy: queue.busy,
    paused: queue.paused,
    draining: queue.draining,
    oldest_age_s: oldest === undefined ? null : Math.max(0, Date.now() - oldest) / 1000
  }
}
