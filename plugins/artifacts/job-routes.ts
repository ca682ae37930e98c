/** `GET /jobs/{id}/artifacts` and `GET|HEAD /jobs/{id}/artifacts/{name}`: what a job made, by name. */
import type { FastifyInstance } from 'fastify'
import { JobNotFinishedError, NotFoundError } from '../../core/errors.ts'
import type { Artifact } from '../../core/jobs/artifact.ts'
import { completionName } from '../../core/jobs/artifacts.ts'
import type { Job } from '../../core/jobs/job.ts'
import { findJob } from '../../core/jobs/lookup.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import { pollAfterS } from '../../core/queue/poll-hint.ts'
import * as api from './api.ts'
import { type ArtifactPath, artifactObject } from './artifact-object.ts'
import { sendContent } from './content.ts'
import { artifactListSchema, type NamedQuery, namedQuerySchema } from './schemas.ts'

type NamedRoute = { Params: { id: string; name: string }; Querystring: NamedQuery }

/** Adds the routes. */
export function addJobRoutes(scope: FastifyInstance): void {
  const schema = { response: { 200: artifactListSchema } }
  const config = { access: 'jobs:read' } as const
  scope.get<ArtifactPath>(
    '/jobs/:id/artifacts',
    { schema, config: { ...config, api: api.ofJob } },
    async ({ params, caller }) => {
      const { seq } = findJob(scope, params.id, caller)
      const { artifacts } = scope.jobs
      return { data: [...artifacts.ofJob(seq), ...artifacts.usedBy(seq)].map(artifactObject) }
    }
  )
  scope.route<NamedRoute>({
    method: ['GET', 'HEAD'],
    url: '/jobs/:id/artifacts/:name',
    schema: { querystring: namedQuerySchema },
    config: { ...config, api: api.named },
    handler: async (request, reply) => {
      const { params, query, caller } = request
      const job = findJob(scope, params.id, caller)
      return sendContent(scope, findOutput(scope, job, params.name), request, reply, query.disposition)
    }
  })
}

/** @throws {JobNotFinishedError} where it is still to come; {NotFoundError} where none was kept */
function findOutput({ jobs, queue }: FastifyInstance, job: Job, name: string): Artifact {
  const output = jobs.artifacts.ofJob(job.seq).find(one => one.name === name)
  if (output !== undefined) return output
  if (name !== completionName || hasEnded(job.state)) throw new NotFoundError()
  throw Object.assign(new JobNotFinishedError(job.state), { retryAfterS: pollAfterS(queue, job) })
}
