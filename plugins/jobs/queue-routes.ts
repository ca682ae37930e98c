/** `GET /queue` and its switches. It tells counts only, so that nobody learns of others' jobs. */
import type { FastifyInstance } from 'fastify'
import { storing } from './lookup.ts'
import { queueObject, queueSchema } from './queue-object.ts'

/** Adds the routes. */
export function addQueueRoutes(scope: FastifyInstance): void {
  const { queue } = scope
  const schema = { response: { 200: queueSchema } }
  const switches = (audit: string) => ({ schema, config: { access: 'admin', audit } }) as const
  const turn = (write: () => void) => async () => {
    storing(write)
    return queueObject(scope)
  }
  scope.get('/queue', { schema, config: { access: 'jobs:read' } }, async () => queueObject(scope))
  scope.post(
    '/queue/pause',
    switches('queue.pause'),
    turn(() => queue.pause())
  )
  scope.post(
    '/queue/drain',
    switches('queue.drain'),
    turn(() => queue.drain())
  )
  scope.post(
    '/queue/resume',
    switches('queue.resume'),
    turn(() => queue.resume())
  )
}
