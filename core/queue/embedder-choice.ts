/** Which model is kept loaded for embeddings: the one that is named, else the only one that does nothing else. */
import type { Catalog, InstalledModel } from '../target/catalog.ts'
import type { LoadedModel } from '../target/residency.ts'
import { runnerOf, runnerPrefix } from '../target/runner.ts'
import type { Wanted } from './wanted.ts'

/** The embedder, or why there is none. */
export type EmbedderChoice = Wanted | { readonly reason: string }

/** Chooses from the list as it is. `named` is `embed.model`. Names of the same weights count as one model. */
export function chooseEmbedder(catalog: Pick<Catalog, 'peek' | 'models'>, named?: string): EmbedderChoice {
  if (named !== undefined) return chooseNamed(named, catalog.peek(named))
  const candidates = catalog
    .models()
    .filter(model => !model.remote)
    .map(plain)
    .filter(onlyEmbeds)
  const byRunner = Map.groupBy(candidates, ({ runner }) => runner.key)
  const [first, ...others] = [...byRunner.values()].map(([one]) => one!)
  if (first === undefined) return { reason: 'no model is installed that can only embed' }
  if (others.length === 0) return first
  return { reason: `${others.length + 1} models are installed that can only embed; name one in embed.model` }
}

/** Whether a runner has the weights of `model` loaded. */
export function hasWeightsOf(model: Pick<InstalledModel, 'weights'>, runner: string): boolean {
  const prefix = runnerPrefix(model)
  return runner === prefix || runner.startsWith(`${prefix}+`)
}

/** Whether `model` is among what is loaded: of several names on the same weights only one is shown. */
export function isLoaded(
  model: InstalledModel,
  loaded: readonly Pick<LoadedModel, 'digest'>[],
  catalog: Pick<Catalog, 'models'>
): boolean {
  const sharing = catalog.models().filter(({ weights }) => weights === model.weights)
  const digests = new Set([model, ...sharing].map(({ digest }) => digest))
  return loaded.some(({ digest }) => digests.has(digest))
}

function chooseNamed(named: string, model: InstalledModel | undefined): EmbedderChoice {
  if (model === undefined) return { reason: `'${named}' (embed.model) is not installed` }
  if (model.remote) return { reason: `'${named}' (embed.model) runs elsewhere` }
  return plain(model)
}

function plain(model: InstalledModel): Wanted {
  return { model, runner: runnerOf(model, { loadOptions: {}, shift: undefined }) }
}

function onlyEmbeds({ runner }: Wanted): boolean {
  return runner.embedsOnly
}
