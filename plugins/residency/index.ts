/**
 * residency: loads and unloads models by request, and keeps requests that differ in `num_ctx` alone on one runner.
 *
 * Owns `POST /models/{name}/load` and `/unload`. A load is a job like any other, so that it never disturbs one that runs;
 * what is resident beside that is the queue's business. The `num_ctx` policy (ADR 0023) is off unless the settings turn
 * it on: without it no byte of a request is changed here.
 */
import fp from 'fastify-plugin'
import { type Static, Type } from 'typebox'
import { watchAutomatic } from './automatic-context.ts'
import { largestContext, numCtxSchema } from './context-rules.ts'
import { addLoadRoute } from './load.ts'
import { addUnloadRoute } from './unload.ts'

export const configSchema = Type.Object({ num_ctx: numCtxSchema }, { additionalProperties: false })

/** What the plugin can be told. */
export type ResidencyConfig = Static<typeof configSchema>

/** Bodies of routes that take none are read and forgotten: clients send `{}` or nothing. */
const ignoredBodyBytes = 64 * 1024

export default fp<ResidencyConfig>(
  async (app, { num_ctx }) => {
    const largest = largestContext(num_ctx)
    if (largest === undefined) app.contexts.forget()
    else {
      app.contexts.use(largest)
      watchAutomatic(app, largest)
    }
    const closing = new AbortController()
    app.addHook('preClose', async () => closing.abort())
    await app.register(async scope => {
      // Answers have schemas for the sake of documentation: they are made right, so nothing is cut from them.
      scope.setSerializerCompiler(() => data => JSON.stringify(data))
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser(
        '*',
        { parseAs: 'buffer', bodyLimit: ignoredBodyBytes },
        (_request, _body, done) => done(null)
      )
      addLoadRoute(scope, closing.signal)
      addUnloadRoute(scope, closing.signal)
    })
  },
  {
    name: 'residency',
    fastify: '5.x',
    dependencies: ['inventory'],
    decorators: {
      fastify: ['settings', 'queue', 'contexts', 'target', 'catalog', 'loadedModels', 'jobs', 'jobEvents']
    }
  }
)
