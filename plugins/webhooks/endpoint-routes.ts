/** `/webhook-endpoints`: made, listed, changed and removed by their owners, and by administrators. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { type Caller, ownerFilter, sees } from '../../core/access/caller.ts'
import { NotFoundError } from '../../core/errors.ts'
import { storing } from '../../core/jobs/lookup.ts'
import type { Endpoint } from './endpoint.ts'
import * as api from './endpoint-api.ts'
import { changesOf, draftOf, readAllOwners } from './endpoint-draft.ts'
import { endpointObject } from './endpoint-object.ts'
import {
  type ChangeBody,
  type CreateBody,
  changeSchema,
  createSchema,
  type EndpointObject,
  endpointListSchema,
  endpointSchema,
  issuedSchema
} from './endpoint-schemas.ts'
import type { Engine } from './engine.ts'
import { TooManyEndpointsError } from './errors.ts'
import { over } from './outcomes.ts'
import { secretText } from './signing/secret-text.ts'

/** The path of one endpoint, for Fastify's types. */
export type EndpointPath = { Params: { id: string } }

const access = 'webhooks'

/** Adds the routes that read no body but JSON. */
export function addEndpointRoutes(scope: FastifyInstance, engine: Engine): void {
  scope.post<{ Body: CreateBody }>(
    '/webhook-endpoints',
    {
      schema: { body: createSchema, response: { 201: issuedSchema } },
      config: { access, audit: 'webhook_endpoint.create', api: api.create }
    },
    async (request, reply) => {
      const { endpoint, secret } = create(engine, request.caller, request.body)
      request.auditObject = endpoint.id
      reply.code(201).header('location', `/webhook-endpoints/${endpoint.id}`)
      reply.header('cache-control', 'no-store')
      return { ...shown(engine, request.caller, endpoint), secret: secretText(secret) }
    }
  )
  scope.patch<EndpointPath & { Body: ChangeBody }>(
    '/webhook-endpoints/:id',
    {
      schema: { body: changeSchema, response: { 200: endpointSchema } },
      config: { access, audit: 'webhook_endpoint.update', api: api.change }
    },
    async ({ caller, params, body }) => shown(engine, caller, change(scope, engine, caller, params.id, body))
  )
}

/** Adds the routes that read no body. */
export function addEndpointLooks(scope: FastifyInstance, engine: Engine): void {
  scope.get(
    '/webhook-endpoints',
    { schema: { response: { 200: endpointListSchema } }, config: { access, api: api.list } },
    async ({ caller }) => {
      const owner = ownerFilter(caller)
      const theirs = owner === undefined ? engine.endpoints.list() : engine.endpoints.ownedBy(owner)
      return { data: theirs.map(endpoint => shown(engine, caller, endpoint)) }
    }
  )
  scope.get<EndpointPath>(
    '/webhook-endpoints/:id',
    { schema: { response: { 200: endpointSchema } }, config: { access, api: api.fetch } },
    async ({ caller, params }) => shown(engine, caller, findEndpoint(engine, params.id, caller))
  )
  scope.delete<EndpointPath>(
    '/webhook-endpoints/:id',
    { config: { access, audit: 'webhook_endpoint.delete', api: api.remove } },
    async ({ caller, params }, reply) => {
      await remove(scope, engine, findEndpoint(engine, params.id, caller))
      reply.code(204)
    }
  )
}

/** @throws {NotFoundError} where there is none, or it is another owner's */
export function findEndpoint({ endpoints }: Engine, id: string, caller: Caller): Endpoint {
  const endpoint = endpoints.find(id)
  if (endpoint !== undefined && sees(caller, endpoint)) return endpoint
  throw new NotFoundError()
}

/** Its object, with how it fares. */
export function shown({ receivers }: Engine, caller: Caller, endpoint: Endpoint): EndpointObject {
  return endpointObject(caller, endpoint, receivers.knownOf(endpoint))
}

function create({ rules, endpoints, maxEndpoints }: Engine, caller: Caller, body: CreateBody) {
  const seesAll = readAllOwners(caller, body)
  const draft = draftOf(caller, body, rules)
  if (endpoints.ownedBy(caller.owner).length >= maxEndpoints) throw new TooManyEndpointsError(maxEndpoints)
  return storing(() => endpoints.create(caller.owner, seesAll, draft, Date.now()))
}

function change({ db }: FastifyInstance, engine: Engine, caller: Caller, id: string, body: ChangeBody) {
  const { endpoints, receivers, rules, dispatcher } = engine
  const endpoint = findEndpoint(engine, id, caller)
  const changes = changesOf(caller, body, rules)
  const isMoved = changes.url !== undefined && changes.url !== endpoint.url
  const write = db.transaction(() => {
    const changed = endpoints.update(endpoint, changes)
    // How another receiver fared says nothing of this one.
    if (isMoved) receivers.renew(receivers.ofEndpoint(changed))
    return changed
  })
  const changed = storing(write)
  if (isMoved) dispatcher.wake()
  return changed
}

/** What is still open for it is over: a part of it at a time, as there may be very much. */
async function remove({ telemetry }: FastifyInstance, engine: Engine, endpoint: Endpoint): Promise<void> {
  const receiver = engine.receivers.knownOf(endpoint)
  storing(() => engine.endpoints.remove(endpoint))
  if (receiver === undefined) return
  const verdict = over('exhausted', 'endpoint_removed')
  for (;;) {
    const count = storing(() => engine.outcomes.retire(receiver.seq, verdict, Date.now()))
    if (count === 0) return
    telemetry.emit('webhooksSettled', 'exhausted', count)
    await nextTurn()
  }
}
