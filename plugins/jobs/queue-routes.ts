/** `GET /queue` and its switches. It tells counts only, so that nobody learns of others' jobs. */
import type { FastifyInstance } from 'fastify'
import * as api from './api.ts'
import { storing } from './lookup.ts'
import { queueObject, queueSchema } from './queue-object.ts'

/** Adds the routes. */
export function addQueueRoutes(scope: FastifyInstance): void {
  const { queue } = scope
  const schema = { response: { 200: queueSchema } }
  const switches = (name: keyof typeof api.queueSwitches) =>
    ({ schema, config: { access: 'admin', audit: `queue.${name}`, api: api.queueSwitches[name] } }) as const
  const turn = (write: () => void) => async () => {
    storing(write)
    return queueObject(scope)
  }
  scope.get('/queue', { schema, config: { access: 'jobs:read', api: api.queueNow } }, async () =>
    queueObject(scope)
  )
  scope.post(
    '/queue/pause',
    switches('pause'),
    turn(() => queue.pause())
  )
  scope.post(
    '/queue/drain',
    switches('drain'),
    turn(() => queue.drain())
  )
  scope.post(
    '/queue/resume',
    switches('resume'),
    turn(() => queue.resume())
  )
}
