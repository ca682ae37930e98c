/**
 * `POST /models/{name}/load`: brings a model into the target's memory, as soon as its turn comes. One that is there stays
 * as it is.
 *
 * It is a durable job with an empty prompt, so it has a place in the queue, its load is measured, what runs is not
 * disturbed, and a caller that leaves takes nothing with it.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { priorityFor } from '../../core/access/limits.ts'
import type { ForemanError } from '../../core/errors.ts'
import { goneSignal } from '../../core/gone-signal.ts'
import type { Job } from '../../core/jobs/job.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import { appliedOf, readPrefer } from '../../core/prefer.ts'
import type { Submission } from '../../core/queue/job-queue.ts'
import { wantedOf } from '../../core/queue/wanted.ts'
import type { InstalledModel } from '../../core/target/catalog.ts'
import { type Inference, readInference } from '../../core/target/inference.ts'
import { runnerOf } from '../../core/target/runner.ts'
import { traceOf } from '../../core/trace-context.ts'
import type { ModelObject } from '../inventory/schemas.ts'
import { api } from './api.ts'
import { ModelNotLoadedError } from './errors.ts'
import { findModel, type ModelPath, modelNow } from './find-model.ts'
import { untilEnded } from './waiting.ts'

const secondMs = 1000
const plain = { loadOptions: {}, shift: undefined }

/** Adds the route. Whoever waits is answered when `closing` aborts. */
export function addLoadRoute(scope: FastifyInstance, closing: AbortSignal): void {
  const schema = { response: { 200: scope.modelObjects.schema, 202: scope.modelObjects.schema } }
  scope.post<ModelPath>(
    '/models/:name/load',
    { schema, config: { access: 'models:write', audit: 'model.load', api: api.load } },
    (request, reply) => load(scope, request, reply, goneSignal(reply, closing))
  )
}

async function load(
  app: FastifyInstance,
  request: FastifyRequest<ModelPath>,
  reply: FastifyReply,
  gone: AbortSignal
): Promise<ModelObject> {
  const model = await findModel(app, request)
  const prefer = readPrefer(request.headers.prefer)
  const applied = appliedOf({ ...prefer, respondAsync: false })
  if (applied !== undefined) reply.header('preference-applied', applied)
  const before = await modelNow(app, model)
  if (before.loaded) return before
  const accepted = await app.queue.submitSoon(submissionOf(app, request, model))
  reply.headers({ 'foreman-job-id': accepted.id, location: `/jobs/${accepted.id}` })
  const job = await untilEnded(app, accepted, (prefer.waitS ?? 0) * secondMs, gone)
  if (hasEnded(job.state) && job.state !== 'done') throw notLoaded(model, job)
  const object = await modelNow(app, model)
  // Whoever did not ask to wait is told that it was accepted, however fast it was.
  reply.code(prefer.waitS !== undefined && object.loaded ? 200 : 202)
  return object
}

function submissionOf(
  app: FastifyInstance,
  { caller, raw }: FastifyRequest<ModelPath>,
  model: InstalledModel
): Submission {
  const { limits, retention } = app.settings
  const { name } = model
  const embeds = runnerOf(model, plain).embedsOnly
  const path = embeds ? '/api/embed' : '/api/generate'
  const body = Buffer.from(JSON.stringify(embeds ? { model: name, input: [] } : { model: name, prompt: '' }))
  const inference = app.contexts.raised(readInference(path, body) as Inference)
  return {
    caller,
    owner: caller.owner,
    kind: inference.route.kind,
    model: name,
    runner: wantedOf(model, inference).runner.key,
    priority: priorityFor(caller, undefined, 'interactive'),
    attached: false,
    // Its caller is told why at once, and may ask again.
    maxAttempts: 1,
    runTimeoutMs: limits.run_timeout_s * secondMs,
    retentionMs: retention.job_s * secondMs,
    request: { path, body },
    ...traceOf(raw)
  }
}

function notLoaded({ name }: InstalledModel, { state, error }: Job): ForemanError {
  return new ModelNotLoadedError(name, error?.message ?? `its job was ${state}`)
}
