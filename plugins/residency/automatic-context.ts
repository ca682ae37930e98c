/** Finds out which context the target takes for a model where nobody says one: it depends on its memory and settings. */
import type { FastifyInstance } from 'fastify'
import type { LargestContext } from '../../core/queue/context-policy.ts'
import { runnerPrefix } from '../../core/target/runner.ts'
import { contextOf, weightsOf } from '../../core/target/runner-context.ts'

/** Looks whenever a runner was loaded that leaves it to the target, of a model that the policy is on for. */
export function watchAutomatic(app: FastifyInstance, largest: LargestContext): void {
  app.telemetry.on('swap', ({ runner, model, loaded }) => {
    if (loaded && contextOf(runner) === undefined && largest(model) !== undefined) void learn(app, runner)
  })
}

async function learn(app: FastifyInstance, runner: string): Promise<void> {
  const { catalog, contexts, loadedModels } = app
  try {
    const loaded = await loadedModels.look()
    const context = loaded.find(({ name }) => {
      const model = catalog.peek(name)
      return model !== undefined && runnerPrefix(model) === weightsOf(runner)
    })?.contextLength
    if (context !== undefined) contexts.sawAutomatic(runner, context)
  } catch (err) {
    // The next such load tells as well.
    app.log.debug({ err, runner }, 'the context of a runner could not be read')
  }
}
