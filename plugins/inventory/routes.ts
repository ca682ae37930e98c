/** `GET /models` and `GET /models/{name}`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { mayUse } from '../../core/access/limits.ts'
import { NotFoundError } from '../../core/errors.ts'
import { explain } from '../../core/queue/failure.ts'
import type { InstalledModel } from '../../core/target/catalog.ts'
import * as api from './api.ts'
import type { ModelObjects } from './model-objects.ts'
import { modelSchema, modelsSchema } from './schemas.ts'
import type { TargetState } from './target-state.ts'

/** Adds the routes. */
export function addModelRoutes(scope: FastifyInstance, objects: ModelObjects, target: TargetState): void {
  const { catalog } = scope
  const access = 'models:read'
  scope.get(
    '/models',
    { schema: { response: { 200: modelsSchema } }, config: { access, api: api.list } },
    async ({ caller }, reply) => {
      tellAge(reply, scope)
      const models = catalog.models().filter(({ name }) => mayUse(caller, name))
      const polledAt = catalog.answer?.at.toISOString() ?? null
      return { data: objects.of(models), stale: isStale(scope), polled_at: polledAt, target: target.now() }
    }
  )
  const one = async (request: FastifyRequest, name: string, reply: FastifyReply) => {
    const model = mayUse(request.caller, name) ? await find(scope, name) : undefined
    // Also where it is not there: a newer list might have it.
    tellAge(reply, scope)
    if (model === undefined) throw new NotFoundError()
    return objects.of([model])[0]
  }
  scope.get<{ Params: { name: string } }>(
    '/models/:name',
    { schema: { response: { 200: modelSchema } }, config: { access, api: api.one } },
    (request, reply) => one(request, request.params.name, reply)
  )
  // Names have slashes in them, and not everybody writes those as %2F.
  scope.get<{ Params: { '*': string } }>(
    '/models/*',
    { schema: { hide: true }, config: { access } },
    (request, reply) => one(request, request.params['*'], reply)
  )
}

/**
 * Looks for it in a fresh list where it is not known, but for a target that is away: that would only take long.
 * @throws {TargetUnreachableError} and the like where there never was a list, and is none now
 */
async function find(
  { catalog, reachability }: FastifyInstance,
  name: string
): Promise<InstalledModel | undefined> {
  if (reachability.state.status === 'down' && catalog.answer !== undefined) return catalog.peek(name)
  try {
    return await catalog.lookup(name)
  } catch (err) {
    throw explain(err)
  }
}

/** A target that is away is noticed by any call, the list only by the next poll. */
function isStale({ catalog, reachability }: FastifyInstance): boolean {
  return catalog.stale || reachability.state.status === 'down'
}

function tellAge(reply: FastifyReply, app: FastifyInstance): void {
  if (!isStale(app)) return
  reply.header('foreman-stale', 'true')
  const { answer } = app.catalog
  if (answer !== undefined) reply.header('foreman-polled-at', answer.at.toISOString())
}
