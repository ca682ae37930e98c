/**
 * inventory: shows which models the target has, and tells when that changes.
 *
 * Owns `GET /models` and `GET /models/{name}`; offers their object as `app.modelObjects`, and tells by `app.targetEvents`.
 * Only shows what core polled: it never pulls, loads or unloads a model.
 */
import fp from 'fastify-plugin'
import { addSeries } from './metrics.ts'
import { type ModelObjects, modelObjects } from './model-objects.ts'
import { tellNews } from './news.ts'
import { addModelRoutes } from './routes.ts'
import { watchTarget } from './target-state.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readonly modelObjects: ModelObjects
  }
}

export default fp(
  async app => {
    const objects = modelObjects(app)
    const target = watchTarget(app)
    app.decorate('modelObjects', objects)
    addSeries(app)
    tellNews(app)
    await app.register(async scope => {
      // Answers have schemas for the sake of documentation: they are made right, so nothing is cut from them.
      scope.setSerializerCompiler(() => data => JSON.stringify(data))
      addModelRoutes(scope, objects, target)
    })
  },
  {
    name: 'inventory',
    fastify: '5.x',
    decorators: {
      fastify: [
        ...['db', 'jobs', 'queue', 'queueDepth', 'catalog', 'loadedModels', 'ownRunners', 'reachability'],
        ...['targetVersion', 'targetEvents', 'telemetry', 'meters']
      ]
    }
  }
)
