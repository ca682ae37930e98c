/**
 * artifacts: data beside jobs, to be handed in and fetched.
 *
 * Owns `/artifacts` and `/jobs/{id}/artifacts`: uploads that jobs refer to, and what jobs left behind, with ranges,
 * digests and signed addresses. It keeps nothing itself: rows and files are core's, and go with their jobs. It fetches
 * no address of anybody. Errors are RFC 9457; the contract is docs/http-api.md.
 */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { schemaValidator } from '../../core/schema-validator.ts'
import { addArtifactRoutes } from './artifact-routes.ts'
import { addJobRoutes } from './job-routes.ts'
import { addSeries } from './metrics.ts'
import { addUploadRoute } from './upload.ts'

export default fp(
  async app => {
    addSeries(app)
    await app.register(async scope => {
      useSchemas(scope)
      await addUploadRoute(scope)
    })
    await app.register(async scope => {
      useSchemas(scope)
      addArtifactRoutes(scope)
      addJobRoutes(scope)
    })
  },
  {
    name: 'artifacts',
    fastify: '5.x',
    decorators: {
      fastify: ['settings', 'db', 'secrets', 'jobs', 'queue', 'blobs', 'disk', 'telemetry', 'meters']
    }
  }
)

/** The answers have schemas for the sake of documentation: they are made right, so nothing is cut from them. */
function useSchemas(scope: FastifyInstance): void {
  scope.setValidatorCompiler(schemaValidator())
  scope.setSerializerCompiler(() => data => JSON.stringify(data))
}
