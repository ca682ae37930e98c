/** Puts together what foreman knows of each model: the list, the target's memory, the queue, and what was measured. */
import type { FastifyInstance } from 'fastify'
import type { Priority } from '../../core/jobs/priority.ts'
import { median } from '../../core/queue/load-times.ts'
import type { InstalledModel } from '../../core/target/catalog.ts'
import type { LoadedModel } from '../../core/target/residency.ts'
import { isRunnerOf } from '../../core/target/runner.ts'
import { type ModelObject, modelSchema, type RunnerObject } from './schemas.ts'
import { TokenSpeeds } from './token-speeds.ts'

/** Makes model objects. */
export interface ModelObjects {
  /** Of all installed models, as the last list has them. */
  all(): ModelObject[]
  /** Of some of them. */
  of(models: readonly InstalledModel[]): ModelObject[]
  /** What each of them is like, for other routes that answer with one. */
  readonly schema: typeof modelSchema
}

type Depth = ModelObject['depth']

/** Newest runs that are looked through for runners. */
const lately = 1000
/** Runners of a model that are shown besides those in memory: clients make one with each num_ctx they think of. */
const mostRunners = 20

/** The maker of one foreman. Speeds are measured from here on. */
export function modelObjects(app: FastifyInstance): ModelObjects {
  const speeds = new TokenSpeeds(app.db, app.telemetry)
  const of = (models: readonly InstalledModel[]) => {
    const runners = runnersOf(app)
    return models.map(model => objectOf(app, model, runners, speeds))
  }
  return { of, all: () => of(app.catalog.models()), schema: modelSchema }
}

/** Every runner that there is anything to tell of. */
function runnersOf({ queueDepth, jobs, ownRunners }: FastifyInstance): ReadonlySet<string> {
  return new Set([
    ...ownRunners.residents.map(({ runner }) => runner),
    ...queueDepth.runners,
    ...jobs.runs
      .newest(lately)
      .toReversed()
      .map(({ runner }) => runner)
  ])
}

function objectOf(
  app: FastifyInstance,
  model: InstalledModel,
  known: ReadonlySet<string>,
  speeds: TokenSpeeds
): ModelObject {
  const keys = [...known].filter(key => isRunnerOf(model, key))
  const runners = runnerObjects(app, model, keys)
  const loads = runners.map(({ load_s }) => load_s).filter(load => load !== null)
  const { input, output } = speeds.of(keys)
  return {
    ...factsOf(model),
    loaded: runners.some(({ loaded }) => loaded),
    runners,
    depth: keys.map(key => app.queueDepth.classesOf(key)).reduce<Depth>(sum, none),
    load_s: loads.length === 0 ? null : median(loads),
    input_tokens_per_s: input,
    output_tokens_per_s: output
  }
}

function factsOf(model: InstalledModel) {
  const { name, digest, family, quantization, remote, capabilities } = model
  const modifiedAt = new Date(model.modifiedAt)
  return {
    name,
    digest,
    size_bytes: model.sizeBytes,
    modified_at: Number.isNaN(modifiedAt.getTime()) ? null : modifiedAt.toISOString(),
    family,
    parameter_size: model.parameterSize,
    quantization,
    capabilities: [...capabilities],
    context_length: model.contextLength ?? null,
    embedding_length: model.embeddingLength ?? null,
    remote
  }
}

/** Those in memory first. */
function runnerObjects(app: FastifyInstance, model: InstalledModel, keys: readonly string[]): RunnerObject[] {
  const { residents } = app.ownRunners
  const inMemory = app.loadedModels.models
    .filter(one => sharesRunner(app, model, one))
    .map(one => ({ one, key: residents.find(({ digest }) => digest === one.digest)?.runner ?? null }))
  const others = keys.filter(key => !inMemory.some(loaded => loaded.key === key)).slice(0, mostRunners)
  return [
    ...inMemory.map(({ one, key }) => ({ runner: key, ...memoryOf(app, one), ...workOf(app, key) })),
    ...others.map(key => ({ runner: key, ...notLoaded, ...workOf(app, key) }))
  ]
}

/** Of names on the same weights the target shows the one that loaded first. */
function sharesRunner({ catalog }: FastifyInstance, model: InstalledModel, one: LoadedModel): boolean {
  if (one.digest === model.digest) return true
  const shown = catalog.peek(one.name)
  return (
    shown?.digest === one.digest &&
    shown.weights === model.weights &&
    shown.attachments.join() === model.attachments.join()
  )
}

const notLoaded = {
  loaded: false,
  by_foreman: null,
  size_bytes: null,
  vram_bytes: null,
  context_length: null,
  expires_at: null
}

function memoryOf({ ownRunners }: FastifyInstance, model: LoadedModel) {
  return {
    loaded: true,
    by_foreman: ownRunners.has(model),
    size_bytes: model.sizeBytes,
    vram_bytes: model.vramBytes,
    context_length: model.contextLength ?? null,
    expires_at: model.expiresAt?.toISOString() ?? null
  }
}

function workOf({ queue, queueDepth }: FastifyInstance, key: string | null) {
  if (key === null) return { depth: none, load_s: null }
  const loadMs = queue.worker.knowledge.loadTimes.measured(key)
  return {
    depth: withTotal(queueDepth.classesOf(key)),
    load_s: loadMs === undefined ? null : Math.round(loadMs) / 1000
  }
}

const none: Depth = { total: 0, interactive: 0, normal: 0, batch: 0 }

function withTotal({ interactive, normal, batch }: Readonly<Record<Priority, number>>): Depth {
  return { total: interactive + normal + batch, interactive, normal, batch }
}

function sum(a: Depth, b: Readonly<Record<Priority, number>>): Depth {
  return withTotal({
    interactive: a.interactive + b.interactive,
    normal: a.normal + b.normal,
    batch: a.batch + b.batch
  })
}
