/**
 * `--probe`: loads the embedding model and the smallest other one after another, and looks whether both stay.
 *
 * It goes around the queue and may push out what is loaded, so it is done only when asked for. What it loaded it unloads.
 */
import type { InstalledModel } from '../../target/catalog.ts'
import { type TargetClient, TargetError } from '../../target/client.ts'
import { type LoadedModel, readResidency } from '../../target/residency.ts'
import { loadRequest, runnerOf, unloadRequest } from '../../target/runner.ts'
import { amiss, type Finding, well } from './finding.ts'

/** Until the look at both; what is left behind by a doctor that was killed goes by itself. */
const keepFor = '1m'

/** Tries whether the two slots hold. @param loadMs longest wait for one load */
export async function probeSlots(
  client: TargetClient,
  models: readonly InstalledModel[],
  embedder: InstalledModel | undefined,
  loadMs: number
): Promise<Finding> {
  const small = smallestOther(models, embedder)
  if (embedder === undefined || small === undefined)
    return well('probe.nothing_to_try', 'two slots need an embedding model and another one')
  const before = await readResidency(client)
  const tried = [embedder, small].filter(model => !isLoaded(before, model))
  try {
    for (const model of tried) await load(client, model, loadMs)
    return judge(await readResidency(client), embedder, small)
  } catch (err) {
    if (!(err instanceof TargetError)) throw err
    const seen = `the target could not load ${listedNames(tried)}: ${err.message}`
    return amiss('probe.load_failed', seen, 'look at the log of Ollama')
  } finally {
    for (const model of tried) await unload(client, model)
  }
}

function smallestOther(
  models: readonly InstalledModel[],
  embedder: InstalledModel | undefined
): InstalledModel | undefined {
  const others = models.filter(
    model => !model.remote && model.weights !== embedder?.weights && model.capabilities.includes('completion')
  )
  return others.sort((a, b) => a.sizeBytes - b.sizeBytes)[0]
}

function isLoaded(loaded: readonly LoadedModel[], { digest }: InstalledModel): boolean {
  return loaded.some(one => one.digest === digest)
}

async function load(client: TargetClient, model: InstalledModel, timeoutMs: number): Promise<void> {
  const { path, body } = loadRequest(
    model.name,
    runnerOf(model, { loadOptions: {}, shift: undefined }),
    keepFor
  )
  await client.json('POST', path, body, { timeoutMs })
}

async function unload(client: TargetClient, { name }: InstalledModel): Promise<void> {
  const { path, body } = unloadRequest(name)
  // Where that fails the model goes by itself, a minute later.
  await client.json('POST', path, body).catch(() => {})
}

function judge(loaded: readonly LoadedModel[], embedder: InstalledModel, small: InstalledModel): Finding {
  const gone = [embedder, small].filter(model => !isLoaded(loaded, model))
  if (gone.length === 0) return well('probe.holds', `${embedder.name} and ${small.name} stay loaded together`)
  const seen = `loaded one after the other, ${listedNames(gone)} did not stay: embeds push out what generates`
  const mend =
    'OLLAMA_MAX_LOADED_MODELS=1 on the target does this: set it to 2 or more; else its memory is too small for both, so take a smaller embedding model'
  return amiss('probe.does_not_hold', seen, mend)
}

function listedNames(models: readonly InstalledModel[]): string {
  return models.map(({ name }) => name).join(' and ')
}
