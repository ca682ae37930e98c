/**
 * Decides what job a request becomes: which route of the target, which runner, and that the target can run it at all.
 * What the target would refuse after a swap is refused here, where the caller still hears it.
 */
import type { FastifyInstance } from 'fastify'
import type { Caller } from '../../core/access/caller.ts'
import { requireModel } from '../../core/access/limits.ts'
import { type ForemanError, LeavesThisMachineError, ModelNotFoundError } from '../../core/errors.ts'
import type { NewJob, StoredRequest } from '../../core/jobs/job.ts'
import { provisionalRunner } from '../../core/queue/move-along.ts'
import { findWanted } from '../../core/queue/wanted.ts'
import type { Catalog } from '../../core/target/catalog.ts'
import { type Inference, readInference } from '../../core/target/inference.ts'
import { foldName } from '../../core/target/json-bind.ts'
import { scanDocument } from '../../core/target/json-scan.ts'
import { parseModelName } from '../../core/target/model-name.ts'
import { replaceKeepAlive } from '../../core/target/request-body.ts'
import type { NativeRequest } from './body.ts'
import { faultAt } from './errors.ts'
import { inputsAgain, inputsOf } from './inputs.ts'
import type { CreateBody, jobKinds } from './schemas.ts'

/** Where models are looked up. */
type Models = Pick<Catalog, 'lookup' | 'stale'>

type Kind = (typeof jobKinds)[number]

/** What a request says of the work itself. */
export type Work = Pick<NewJob, 'kind' | 'model' | 'runner' | 'attached' | 'request' | 'inputs'>

const paths: Readonly<Record<Kind, string>> = {
  chat: '/api/chat',
  generate: '/api/generate',
  embed: '/api/embed'
}

/**
 * The work that a body asks for. The model is looked for once more in a fresh list where it is not known.
 * @throws {ValidationFailedError} {ModelNotAllowedError} {ModelNotFoundError} {LeavesThisMachineError}
 */
export async function admit(
  app: FastifyInstance,
  caller: Caller,
  { kind, request }: Pick<CreateBody, 'kind' | 'request'>,
  catalog: Models = app.catalog
): Promise<Work> {
  const path = paths[kind ?? kindOf(request)]
  const inference = readInference(path, request.bytes)
  if (inference.malformed) throw faultAt(request.pointer, inference.detail)
  const { native } = inference
  if (native?.emptyPrompt && native.keepAliveMs === 0) {
    throw faultAt(`${request.pointer}/keep_alive`, 'would only unload the model, which is no job')
  }
  const sent = { path, body: request.bytes }
  const work = await workOf(catalog, caller, app.contexts.raised(inference), sent, request.pointer)
  const stored = { path, body: bodyForTarget(app, inference, request.bytes, work.runner) }
  return { ...work, request: stored, inputs: inputsOf(app, caller, stored, request.pointer) }
}

/** With foreman's `keep_alive`, unless a client's own counts. */
function bodyForTarget(app: FastifyInstance, { native }: Inference, sent: Buffer, runner: string): Buffer {
  const { respect_clients, idle_unload } = app.settings.keep_alive
  if (native === undefined || respect_clients) return sent
  return replaceKeepAlive(sent, native, app.queue.embeds.keepAliveOf(runner) ?? idle_unload)
}

/** The same work once more, by what the target has now. @throws as {@link admit}, and {InputGoneError} */
export async function admitAgain(
  app: FastifyInstance,
  caller: Caller,
  request: StoredRequest
): Promise<Work> {
  const inference = readInference(request.path, request.body)
  if (inference.malformed) throw faultAt('', inference.detail)
  const work = await workOf(app.catalog, caller, app.contexts.raised(inference), request, '')
  return { ...work, inputs: inputsAgain(app, caller, request) }
}

async function workOf(
  catalog: Models,
  caller: Caller,
  inference: Inference,
  request: StoredRequest,
  pointer: string
): Promise<Work> {
  const { model = '' } = inference
  const name = parseModelName(model)
  if (name === undefined) throw faultAt(`${pointer}/model`, 'must be the name of a model')
  requireModel(caller, model)
  if (name.cloud) throw leavesThisMachine(model)
  const wanted = await findWanted(catalog, inference)
  if (wanted === undefined && !catalog.stale) throw new ModelNotFoundError(model)
  if (wanted?.model.remote) throw leavesThisMachine(model)
  const { kind } = inference.route
  if (wanted?.runner.embedsOnly && kind !== 'embed') {
    throw faultAt(`${pointer}/model`, `can only embed, which is not ${kind}`)
  }
  // A target that is away may have it; the job finds out when it is back.
  const runner = wanted?.runner.key ?? provisionalRunner(model)
  return { kind, model, runner, attached: false, request }
}

function leavesThisMachine(model: string): ForemanError {
  return new LeavesThisMachineError(`model '${model}' runs at ollama.com, and jobs run on the target alone`)
}

/** Names as the target reads them: in any case. */
function kindOf({ bytes, pointer }: NativeRequest): Kind {
  const names = new Set(scanDocument(bytes).members.map(member => foldName(member.name)))
  if (names.has('messages')) return 'chat'
  if (names.has('prompt')) return 'generate'
  if (names.has('input')) return 'embed'
  throw faultAt(pointer, 'needs messages, prompt or input, or a kind beside it')
}
