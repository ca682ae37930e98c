/** The models of the target: which are installed, which one embeds, which are loaded and by whom. */
import type { Database } from 'better-sqlite3'
import type { EmbedderChoice } from '../../queue/embedder-choice.ts'
import type { InstalledModel } from '../../target/catalog.ts'
import type { LoadedModel } from '../../target/residency.ts'
import { runnerPrefix } from '../../target/runner.ts'
import { amiss, type Finding, listed, well } from './finding.ts'

/** "For ever" is centuries ahead to the target; ten years nobody sets. Source: ollama/ollama api/types.go, `Duration`. */
const foreverMs = 10 * 365 * 24 * 3600 * 1000

/** What is installed. */
export function examineInstalled(models: readonly InstalledModel[]): Finding[] {
  if (models.length > 0) return [well('models.installed', `${models.length} models are installed`)]
  return [
    amiss(
      'models.none',
      'no model is installed on the target',
      'ollama pull one there, or POST /api/pull here'
    )
  ]
}

/** What there is to say of foreman's choice of the model that embeds (ADR 0013). @param name `embed.model` */
export function examineEmbedder(
  choice: EmbedderChoice,
  models: readonly InstalledModel[],
  name: string | undefined
): Finding {
  if ('model' in choice) return examineChosen(choice.model, name)
  const { reason } = choice
  if (name !== undefined)
    return amiss('models.embedder_missing', reason, `ollama pull ${name}, or mend embed.model`)
  if (!models.some(embedsOnly)) return well('models.embedder_none', reason)
  const mend = 'set embed.model: that one stays loaded, and its calls pass by the queue'
  return amiss('models.embedder_ambiguous', reason, mend)
}

/** Whether the target keeps it beside the worker's model, as the foreman that runs has found. */
export function examineSlots(db: Database): Finding[] {
  const row = db.prepare("SELECT reason, model FROM embedder WHERE state = 'does_not_hold'").get()
  if (row === undefined) return []
  const { reason, model } = row as { reason: string; model: string | null }
  const seen = `${model} does not stay loaded beside another model, so embeddings wait and swap like all jobs: ${reason}`
  const mend =
    'set OLLAMA_MAX_LOADED_MODELS on the target to 2 or more; where it is: take a smaller embedding model; leave load options out of embed requests'
  return [amiss('models.slots_do_not_hold', seen, mend)]
}

/** The runners that foreman has loaded, by its own record. */
export function recordedRunners(db: Database): string[] {
  return db.prepare('SELECT runner FROM resident').pluck().all() as string[]
}

/**
 * What is loaded, held against what foreman has loaded.
 * @param own its record; undefined where there is none yet, and then what is loaded is only told
 */
export function examineLoaded(
  loaded: readonly LoadedModel[],
  models: readonly InstalledModel[],
  own: readonly string[] | undefined,
  now: number
): Finding[] {
  if (loaded.length === 0) return [well('models.loaded', 'no model is loaded')]
  if (own === undefined)
    return [well('models.loaded', `loaded: ${namesOf(loaded)}; foreman has no record yet of its own`)]
  // Names on the same weights share a runner, and the target shows the name that loaded it first.
  const ownWeights = new Set(own.map(runner => runner.split('+')[0]!))
  const foreign = loaded.filter(one => !ownWeights.has(weightsOf(one, models)))
  const ours = loaded.filter(one => !foreign.includes(one))
  const kept = foreign.filter(({ expiresAt }) => (expiresAt?.getTime() ?? 0) - now > foreverMs)
  const bypassing = foreign.filter(one => !kept.includes(one))
  const told = ours.length === 0 ? [] : [well('models.loaded', `loaded by foreman: ${namesOf(ours)}`)]
  return [...told, ...bypassing.map(bypass), ...kept.map(forever)]
}

function namesOf(loaded: readonly LoadedModel[]): string {
  return listed(loaded.map(({ name }) => name))
}

function examineChosen({ name, capabilities }: InstalledModel, named: string | undefined): Finding {
  if (!capabilities.includes('embedding')) {
    const mend = 'set embed.model to an embedding model, or leave it out'
    return amiss('models.embedder_unfit', `embed.model is ${name}, which cannot embed`, mend)
  }
  return well(
    'models.embedder',
    `${name} embeds (${named === undefined ? 'the only one that can' : 'embed.model'})`
  )
}

function embedsOnly({ capabilities, remote }: InstalledModel): boolean {
  return !remote && capabilities.includes('embedding') && !capabilities.includes('completion')
}

function weightsOf({ digest }: LoadedModel, models: readonly InstalledModel[]): string {
  const model = models.find(one => one.digest === digest)
  return runnerPrefix(model ?? { weights: digest })
}

function bypass({ name }: LoadedModel): Finding {
  const seen = `${name} is loaded, and foreman did not load it: somebody goes around the queue`
  return amiss(
    'models.bypass',
    seen,
    'point that caller at foreman, and let nobody else reach the target (docs/security.md)'
  )
}

function forever({ name }: LoadedModel): Finding {
  const seen = `${name} is kept loaded for ever, and foreman did not load it: its memory is not free for others`
  return amiss(
    'models.kept_forever',
    seen,
    `ollama stop ${name} on the target; look at its OLLAMA_KEEP_ALIVE and at who sends keep_alive`
  )
}
