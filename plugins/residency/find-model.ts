/** Finds the model of a path for its caller, and shows what has become of it. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { requireModel } from '../../core/access/limits.ts'
import { LeavesThisMachineError, NotFoundError, TargetUnreachableError } from '../../core/errors.ts'
import { hasWeightsOf } from '../../core/queue/embedder-choice.ts'
import { explain } from '../../core/queue/failure.ts'
import type { InstalledModel } from '../../core/target/catalog.ts'
import { parseModelName } from '../../core/target/model-name.ts'
import type { ModelObject } from '../inventory/schemas.ts'

/** The path of one model, for Fastify's types. */
export type ModelPath = { Params: { name: string } }

/**
 * The installed model, after one fresh look at the list where it is not known. Told to the audit log as listed.
 * @throws {NotFoundError} {ModelNotAllowedError} {LeavesThisMachineError}
 * @throws {TargetUnreachableError} where the target is away and the last list does not have it
 */
export async function findModel(
  app: FastifyInstance,
  request: FastifyRequest<ModelPath>
): Promise<InstalledModel> {
  const { name } = request.params
  const parsed = parseModelName(name)
  if (parsed === undefined) throw new NotFoundError()
  request.auditObject = parsed.display
  requireModel(request.caller, name)
  const model = await lookup(app, name)
  if (parsed.cloud || model?.remote)
    throw new LeavesThisMachineError(`model '${name}' runs at ollama.com and takes no memory here`)
  if (model !== undefined) return model
  if (app.catalog.stale) throw new TargetUnreachableError('whether it has this model is not known')
  throw new NotFoundError()
}

async function lookup(app: FastifyInstance, name: string): Promise<InstalledModel | undefined> {
  try {
    return await app.catalog.lookup(name)
  } catch (err) {
    throw explain(err)
  }
}

/** Whether it is kept loaded for embeddings, or shares the weights of the one that is. */
export function isKept({ queue }: FastifyInstance, model: InstalledModel): boolean {
  const { state, runner } = queue.embeds.status
  return (state === 'warm' || state === 'wanted') && runner !== undefined && hasWeightsOf(model, runner)
}

/** The answer of both routes: the model object, after a look at the target. Where that fails the last one has to do. */
export async function modelNow(app: FastifyInstance, model: InstalledModel): Promise<ModelObject> {
  await app.loadedModels.look().catch(() => {})
  return app.modelObjects.of([model])[0]!
}
