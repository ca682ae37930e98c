/**
 * `POST /models/{name}/unload`: makes the target let go of a model, whoever loaded it.
 *
 * The target unloads it when nothing uses it any more: what runs on it is never cut off. A job that comes for it later
 * has it loaded again.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { goneSignal } from '../../core/gone-signal.ts'
import { appliedOf, longestWaitS, readPrefer } from '../../core/prefer.ts'
import { isLoaded } from '../../core/queue/embedder-choice.ts'
import { explain } from '../../core/queue/failure.ts'
import type { InstalledModel } from '../../core/target/catalog.ts'
import { TargetError } from '../../core/target/client.ts'
import { unloadRequest } from '../../core/target/runner.ts'
import type { ModelObject } from '../inventory/schemas.ts'
import { api } from './api.ts'
import { EmbedderKeptError } from './errors.ts'
import { findModel, isKept, type ModelPath, modelNow } from './find-model.ts'
import { until } from './waiting.ts'

const secondMs = 1000

/** Adds the route. Whoever waits is answered when `closing` aborts. */
export function addUnloadRoute(scope: FastifyInstance, closing: AbortSignal): void {
  const schema = { response: { 200: scope.modelObjects.schema, 202: scope.modelObjects.schema } }
  scope.post<ModelPath>(
    '/models/:name/unload',
    { schema, config: { access: 'models:write', audit: 'model.unload', api: api.unload } },
    (request, reply) => unload(scope, request, reply, goneSignal(reply, closing))
  )
}

async function unload(
  app: FastifyInstance,
  request: FastifyRequest<ModelPath>,
  reply: FastifyReply,
  gone: AbortSignal
): Promise<ModelObject> {
  const model = await findModel(app, request)
  if (isKept(app, model)) throw new EmbedderKeptError(model.name)
  const prefer = readPrefer(request.headers.prefer)
  const applied = appliedOf({ ...prefer, respondAsync: false })
  if (applied !== undefined) reply.header('preference-applied', applied)
  const waitS = prefer.waitS ?? Math.min(longestWaitS, app.settings.limits.unload_timeout_s)
  try {
    await letGo(app, model, gone)
    await until(() => isGone(app, model), waitS * secondMs, gone)
  } catch (err) {
    throw explain(err)
  }
  // What foreman takes for resident is held against what is there.
  await app.queue.lookAtTarget()
  const object = await modelNow(app, model)
  reply.code(object.loaded ? 202 : 200)
  return object
}

async function letGo({ target, settings }: FastifyInstance, { name }: InstalledModel, signal: AbortSignal) {
  const { path, body } = unloadRequest(name)
  const timeoutMs = settings.limits.unload_timeout_s * secondMs
  try {
    await target.json('POST', path, body, { signal, timeoutMs })
  } catch (err) {
    // What counts is whether it is gone.
    if (!(err instanceof TargetError) || err.kind !== 'status') throw err
  }
}

async function isGone(app: FastifyInstance, model: InstalledModel): Promise<boolean> {
  return !isLoaded(model, await app.loadedModels.look(), app.catalog)
}
