/**
 * durable-jobs: a plugin of the tests, so that a foreman in another process can be given durable jobs.
 *
 * Owns `POST /test/jobs` (a list of wishes, answered with the ids), `GET /test/jobs/:id?until=state,state` (the job,
 * once it is in one of them) and `POST /test/jobs/:id/cancel`.
 */
import fp from 'fastify-plugin'
import { hasEnded, type JobState } from '../../../core/jobs/states.ts'
import { submit, untilJob, type Wish } from './jobs.ts'

type JobRoute = { Params: { id: string }; Querystring: { until?: string } }

export default fp(
  async app => {
    app.post<{ Body: Wish[] }>('/test/jobs', async (request, reply) => {
      reply.code(202)
      return submit(app, ...request.body).map(({ id }) => id)
    })
    app.get<JobRoute>('/test/jobs/:id', ({ params, query }) => {
      const states = query.until?.split(',') as JobState[] | undefined
      return untilJob(app, params.id, ({ state }) => states?.includes(state) ?? hasEnded(state))
    })
    app.post<JobRoute>('/test/jobs/:id/cancel', async ({ params }) => app.queue.cancel(params.id))
  },
  { name: 'durable-jobs', fastify: '5.x', decorators: { fastify: ['queue', 'jobs', 'jobEvents', 'catalog'] } }
)
