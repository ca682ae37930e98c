/** `/webhook-deliveries`: what was sent to whom, what they answered, and once more. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Caller, ownerFilter, sees } from '../../core/access/caller.ts'
import { Cursors } from '../../core/cursor.ts'
import { NotFoundError } from '../../core/errors.ts'
import { storing } from '../../core/jobs/lookup.ts'
import { linkNext } from '../../core/next-link.ts'
import type { Delivery } from './delivery.ts'
import * as api from './delivery-api.ts'
import type { DeliveryFilter } from './delivery-log.ts'
import { listedDelivery, wholeDelivery } from './delivery-object.ts'
import {
  type DeliveryQuery,
  defaultLimit,
  deliverySchema,
  pageSchema,
  querySchema
} from './delivery-schemas.ts'
import type { Engine } from './engine.ts'
import { DeliveryBodyRemovedError, EndpointDisabledError, EndpointRemovedError } from './errors.ts'

type DeliveryPath = { Params: { id: string } }

const access = 'webhooks'

/** Adds the routes. */
export function addDeliveryRoutes(scope: FastifyInstance, engine: Engine): void {
  const cursors = new Cursors(scope.secrets)
  scope.get<{ Querystring: DeliveryQuery }>(
    '/webhook-deliveries',
    {
      schema: { querystring: querySchema, response: { 200: pageSchema } },
      config: { access, api: api.list }
    },
    ({ query, caller }, reply) => list(engine, cursors, caller, query, reply)
  )
  scope.get<DeliveryPath>(
    '/webhook-deliveries/:id',
    { schema: { response: { 200: deliverySchema } }, config: { access, api: api.fetch } },
    async ({ params, caller }) => wholeDelivery(engine, caller, findDelivery(engine, params.id, caller))
  )
  scope.post<DeliveryPath>(
    '/webhook-deliveries/:id/redeliver',
    {
      schema: { response: { 202: deliverySchema } },
      config: { access, audit: 'webhook_delivery.redeliver', api: api.redeliver }
    },
    async ({ params, caller }, reply) => {
      const delivery = findDelivery(engine, params.id, caller)
      redeliver(engine, delivery)
      reply.code(202)
      return wholeDelivery(engine, caller, engine.deliveries.find(delivery.id)!)
    }
  )
}

/** @throws {NotFoundError} where there is none, or it is another owner's */
function findDelivery({ deliveries }: Engine, id: string, caller: Caller): Delivery {
  const delivery = deliveries.find(id)
  if (delivery !== undefined && sees(caller, delivery)) return delivery
  throw new NotFoundError()
}

async function list(
  engine: Engine,
  cursors: Cursors,
  caller: Caller,
  query: DeliveryQuery,
  reply: FastifyReply
) {
  const { cursor, limit = defaultLimit } = query
  // Cursors of jobs are good for jobs alone.
  const whose = `webhook deliveries of ${caller.owner}`
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : cursors.read(cursor, whose)
  const found = await engine.deliveries.list(filterOf(engine, caller, query), before, limit + 1)
  const page = found.slice(0, limit)
  const next = found.length > limit ? cursors.write(page.at(-1)!.seq, whose) : null
  if (next !== null) linkNext(reply, '/webhook-deliveries', query, next)
  const data = page.map(delivery => listedDelivery(engine, caller, delivery))
  return { data, has_more: next !== null, next_cursor: next }
}

/** What is under way is known in memory alone, whatever the state in its row. */
function filterOf({ dispatcher }: Engine, caller: Caller, query: DeliveryQuery): DeliveryFilter {
  const { endpoint_id: endpointId, job_id: jobId, state } = query
  const where = { owner: ownerFilter(caller), endpointId, jobId }
  if (state === undefined) return where
  if (state === 'in_flight') return { ...where, among: dispatcher.inFlight() }
  return { ...where, state, without: dispatcher.inFlight() }
}

/** One that is under way is sent at this moment: nothing is to be done. */
function redeliver(engine: Engine, delivery: Delivery): void {
  const { again, dispatcher, endpoints } = engine
  if (dispatcher.isInFlight(delivery)) return
  if (!again.isPossible(delivery)) throw new DeliveryBodyRemovedError()
  const endpoint = delivery.endpointId === null ? undefined : endpoints.find(delivery.endpointId)
  if (delivery.endpointId !== null && endpoint === undefined) throw new EndpointRemovedError()
  if (endpoint !== undefined && endpoint.disabledAt !== null) throw new EndpointDisabledError()
  storing(() => again.redeliver(delivery, Date.now()))
  dispatcher.wake()
}
