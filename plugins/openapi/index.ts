/**
 * openapi: the description of the API, and a page to read it on.
 *
 * Owns `GET /openapi.json` and `GET /docs`, open to everybody: they tell what every foreman has, and nothing of this one's
 * work. The document is made of the schemas that check the routes and of what routes say of themselves (`config.api`), at
 * its first request. It follows OpenAPI 3.1.
 */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Type } from 'typebox'
import type { ApiDescription } from '../../core/api-description.ts'
import { documentOptions } from './document.ts'
import { addPage } from './page.ts'

/** It looks at the routes of all others, those of plugins that look at routes as well. */
export const seesRoutes = 'first'

export default fp(
  async app => {
    await app.register(swagger, documentOptions(app.access))
    addDocument(app)
    addPage(app)
  },
  { name: 'openapi', fastify: '5.x', decorators: { fastify: ['access'] } }
)

const api: ApiDescription = {
  operationId: 'get_openapi',
  summary: 'This description',
  tag: 'reference',
  answers: {
    200: {
      means: 'An OpenAPI document.',
      bodies: {
        'application/json': { schema: Type.Object({ openapi: Type.String(), paths: Type.Object({}) }) }
      }
    }
  }
}

function addDocument(app: FastifyInstance): void {
  let text: string | undefined
  app.get('/openapi.json', { config: { access: 'open', api } }, async (_request, reply) => {
    // Routes cannot be added any more, so it is the same for ever.
    text ??= JSON.stringify(app.swagger())
    return reply.type('application/json; charset=utf-8').send(text)
  })
}
