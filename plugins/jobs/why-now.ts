/** What a queued job waits for at this moment. */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Job } from '../../core/jobs/job.ts'
import { workerLane } from '../../core/queue/dispatcher.ts'
import { estimatesOf, estimatesSchema } from './estimates.ts'

/** Position and estimates as in the job object, and a sentence. */
export const nowSchema = Type.Object({ ...estimatesSchema.properties, sentence: Type.String() })

/** For a queued job. */
export function nowOf(app: FastifyInstance, job: Job): Static<typeof nowSchema> {
  const estimates = estimatesOf(app, app.queue.forecaster.of(job))
  return { ...estimates, sentence: sentenceOf(app, job, estimates.position) }
}

function sentenceOf({ queue, reachability }: FastifyInstance, job: Job, position: number): string {
  if (queue.paused) return 'The queue is paused.'
  if (reachability.state.status !== 'up') return 'The target is away.'
  if (job.availableAt > Date.now()) return `It may start at ${new Date(job.availableAt).toISOString()}.`
  const { activity, residentModel } = queue.worker
  const before = position === 1 ? '1 job is' : `${position} jobs are`
  const place = position === 0 ? 'It is next' : `${before} likely to run before it`
  if (job.lane !== workerLane) return besideWorker(queue, place)
  if (activity?.phase === 'loading') return `${place}; ${activity.model} is being loaded.`
  if (residentModel === undefined) return `${place}.`
  return `${place}; ${residentModel.replace(/:latest$/, '')} is loaded.`
}

function besideWorker({ embeds }: FastifyInstance['queue'], place: string): string {
  const { state, model } = embeds.status
  return state === 'warm' ? `${place}.` : `${place}; ${model} is loaded when the worker's job has ended.`
}
