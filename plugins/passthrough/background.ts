/**
 * `Prefer: respond-async` on the native routes: the plugin `jobs`, where it is on, makes a job without a connection of
 * the request. Without it the preference is ignored, as RFC 7240 section 2 has it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorKind } from '../../core/api-description.ts'
import type { Inference } from '../../core/target/inference.ts'
import type { JobObject } from '../jobs/job-schema.ts'
import type { RespondAsync } from '../jobs/respond-async.ts'
import type { Admission } from './admit.ts'
import { bodyForTarget, readPriority } from './attach.ts'

/** Where a request is to be handed over to; undefined where its caller gets the target's answer. */
export function backgroundOf(
  app: FastifyInstance,
  request: FastifyRequest,
  { native }: Inference
): RespondAsync | undefined {
  if (native === undefined || !app.hasDecorator('respondAsync')) return undefined
  return app.respondAsync.isPreferred(request) ? app.respondAsync : undefined
}

/** What handing over can be refused with, once all plugins are there. */
export function backgroundErrors(app: FastifyInstance): () => readonly ErrorKind[] {
  return () => (app.hasDecorator('respondAsync') ? app.respondAsync.refusals : [])
}

/** Hands it over. @returns the body of the answer @throws {BadRequestError} for a priority that is none, and more */
export async function handOver(
  background: RespondAsync,
  request: FastifyRequest<{ Body: Buffer }>,
  reply: FastifyReply,
  inference: Inference,
  { model, runner }: Extract<Admission, { to: 'queue' }>
): Promise<JobObject> {
  const { server, body: sent, routeOptions } = request
  const job = await background.handIn(request, reply, {
    ...{ kind: inference.route.kind, model, runner, sent },
    priority: readPriority(request, 'normal'),
    request: { path: routeOptions.url!, body: bodyForTarget(server, sent, inference, runner) }
  })
  reply.headers(factsOf(job))
  return job
}

/** What the answers of these routes tell in any case. */
function factsOf({ id, queue }: JobObject): Record<string, string> {
  return {
    'foreman-job-id': id,
    ...(queue && { 'foreman-queue-position': String(queue.position) }),
    ...(queue?.estimated_start_at && { 'foreman-estimated-start': queue.estimated_start_at })
  }
}
