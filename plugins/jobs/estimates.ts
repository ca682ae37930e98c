/** What callers are told of the start of a queued job. */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Forecast } from '../../core/queue/job-queue.ts'

const maybeTime = (description: string) =>
  Type.Union([Type.String({ format: 'date-time', description }), Type.Null()])

/** Null times: nothing is started now, so nobody can tell. */
export const estimatesSchema = Type.Object({
  position: Type.Integer({ description: 'Jobs that are likely to run before it: an estimate.' }),
  estimated_start_at: maybeTime(
    'The same as start_p50_at; none in a pause of the queue and while the target is away.'
  ),
  start_p50_at: maybeTime('As likely to have started by then as not.'),
  start_p90_at: maybeTime('Nine of ten such jobs have started by then.')
})

/** What {@link estimatesSchema} describes. */
export type Estimates = Static<typeof estimatesSchema>

/** The estimates of a forecast that was made just now. */
export function estimatesOf({ queue }: Pick<FastifyInstance, 'queue'>, forecast: Forecast): Estimates {
  const timeOf = (at: number) => (queue.starts ? new Date(at).toISOString() : null)
  const p50 = timeOf(forecast.estimatedStartAt)
  return {
    position: forecast.position,
    estimated_start_at: p50,
    start_p50_at: p50,
    start_p90_at: timeOf(forecast.startP90At)
  }
}
