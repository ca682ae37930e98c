/** `/webhook-endpoints/{id}/…`: what is done with an endpoint: tried, switched, given another secret, told again. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { emptyBody } from '../../core/empty-body.ts'
import { goneSignal } from '../../core/gone-signal.ts'
import { storing } from '../../core/jobs/lookup.ts'
import { appliedOf, readPrefer } from '../../core/prefer.ts'
import { wholeDelivery } from './delivery-object.ts'
import { deliverySchema } from './delivery-schemas.ts'
import type { Endpoint } from './endpoint.ts'
import * as api from './endpoint-api.ts'
import { readPatterns } from './endpoint-draft.ts'
import { type EndpointPath, findEndpoint, shown } from './endpoint-routes.ts'
import {
  enabledSchema,
  endpointSchema,
  issuedSchema,
  overlapMs,
  type ReplayBody,
  type RotateBody,
  replayedSchema,
  replaySchema,
  rotateSchema
} from './endpoint-schemas.ts'
import type { Engine } from './engine.ts'
import { EndpointDisabledError, faultAt } from './errors.ts'
import { secretText } from './signing/secret-text.ts'

const access = 'webhooks'

/** Adds the routes that can read a body of JSON. */
export function addEndpointOrders(scope: FastifyInstance, engine: Engine): void {
  scope.post<EndpointPath & { Body: RotateBody }>(
    '/webhook-endpoints/:id/secret/rotate',
    {
      schema: { body: rotateSchema, response: { 200: issuedSchema } },
      preValidation: emptyBody,
      config: { access, audit: 'webhook_endpoint.rotate', api: api.rotate }
    },
    async ({ caller, params, body }, reply) => {
      const { endpoint, secret } = rotate(engine, findEndpoint(engine, params.id, caller), body)
      reply.header('cache-control', 'no-store')
      return { ...shown(engine, caller, endpoint), secret: secretText(secret) }
    }
  )
  scope.post<EndpointPath & { Body: ReplayBody }>(
    '/webhook-endpoints/:id/replay',
    {
      schema: { body: replaySchema, response: { 202: replayedSchema } },
      preValidation: emptyBody,
      config: { access, audit: 'webhook_endpoint.replay', api: api.replay }
    },
    async ({ caller, params, body }, reply) => {
      const count = await replay(engine, findEndpoint(engine, params.id, caller), body)
      reply.code(202)
      return { count }
    }
  )
}

/** Adds the routes that read no body. */
export function addEndpointSwitches(scope: FastifyInstance, engine: Engine): void {
  scope.post<EndpointPath>(
    '/webhook-endpoints/:id/test',
    {
      schema: { response: { 200: deliverySchema, 202: deliverySchema } },
      config: { access, audit: 'webhook_endpoint.test', api: api.test }
    },
    (request, reply) => test(engine, request, reply)
  )
  scope.post<EndpointPath>(
    '/webhook-endpoints/:id/enable',
    {
      schema: { response: { 200: enabledSchema } },
      config: { access, audit: 'webhook_endpoint.enable', api: api.enable }
    },
    async ({ caller, params }) => {
      const endpoint = enable(scope, engine, findEndpoint(engine, params.id, caller))
      return { ...shown(engine, caller, endpoint), held: engine.deliveries.held(endpoint.id) }
    }
  )
  scope.post<EndpointPath>(
    '/webhook-endpoints/:id/disable',
    {
      schema: { response: { 200: endpointSchema } },
      config: { access, audit: 'webhook_endpoint.disable', api: api.disable }
    },
    async ({ caller, params }) =>
      shown(engine, caller, disable(engine, findEndpoint(engine, params.id, caller)))
  )
}

/** With `Prefer: wait` the answer comes when the one attempt is over. */
async function test(engine: Engine, request: FastifyRequest<EndpointPath>, reply: FastifyReply) {
  const { news, dispatcher, deliveries, waiters } = engine
  const { params, caller, headers } = request
  const endpoint = findEndpoint(engine, params.id, caller)
  const id = storing(() => news.test(endpoint, Date.now()))
  dispatcher.wake()
  const { waitS } = readPrefer(headers.prefer)
  const isOver = () => deliveries.find(id)?.settledAt !== null
  if (waitS !== undefined) {
    reply.header('preference-applied', appliedOf({ waitS, respondAsync: false }))
    await waiters.wait(isOver, waitS * 1000, goneSignal(reply))
  }
  reply.code(isOver() ? 200 : 202).header('location', `/webhook-deliveries/${id}`)
  return wholeDelivery(engine, caller, deliveries.find(id)!)
}

/** What it did before counts no more: else its next failure would disable it again. */
function enable({ db }: FastifyInstance, engine: Engine, endpoint: Endpoint): Endpoint {
  const { endpoints, receivers, dispatcher } = engine
  if (endpoint.disabledAt === null) return endpoint
  const write = db.transaction(() => {
    receivers.renew(receivers.ofEndpoint(endpoint))
    return endpoints.enable(endpoint)
  })
  const enabled = storing(write)
  dispatcher.wake()
  return enabled
}

function disable({ endpoints, news, dispatcher }: Engine, endpoint: Endpoint): Endpoint {
  if (endpoint.disabledAt !== null) return endpoint
  const disabled = storing(() => endpoints.disable(endpoint, 'by_hand', Date.now()))
  storing(() => news.disabled(disabled))
  dispatcher.wake()
  return disabled
}

function rotate({ endpoints }: Engine, endpoint: Endpoint, body: RotateBody) {
  return storing(() => endpoints.rotate(endpoint, overlapMs(body), Date.now()))
}

async function replay({ again, dispatcher }: Engine, { id, disabledAt }: Endpoint, body: ReplayBody) {
  const { since, until, state = 'exhausted', types = ['*'] } = body
  if (disabledAt !== null) throw new EndpointDisabledError()
  const where = {
    endpointId: id,
    since: timeIn(since, '/since') ?? 0,
    until: timeIn(until, '/until') ?? Number.MAX_SAFE_INTEGER,
    ...{ state, types: readPatterns(types, '/types') }
  }
  const replayed = again.replay(where, Date.now()).catch(err =>
    storing(() => {
      throw err
    })
  )
  // What was begun goes, even where the disk took no more.
  return replayed.finally(() => dispatcher.wake())
}

function timeIn(text: string | undefined, pointer: string): number | undefined {
  if (text === undefined) return undefined
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw faultAt(pointer, 'is no time')
  return at
}
