/**
 * Tells of what changed at the target: by `app.targetEvents`, and in the log. Each change once, since what it is made of is
 * told once: a list that differs from the one before, a look at what is loaded, the target's coming and going.
 */
import type { FastifyInstance } from 'fastify'
import type { CatalogChange } from '../../core/target/catalog.ts'
import type { LoadedModel } from '../../core/target/residency.ts'

/** Begins to tell. */
export function tellNews(app: FastifyInstance): void {
  const { catalog, targetEvents } = app
  catalog.on('changed', change => tellChange(app, change))
  tellLoaded(app)
  tellReachability(app)
  targetEvents.on('event', ({ type, data }) => {
    // Those two are in the log by core's own words.
    if (type === 'target.up' || type === 'target.down') return
    const level = type === 'target.bypass' ? 'warn' : 'info'
    app.log[level](data, words[type])
  })
}

const words = {
  'model.added': 'a model is new on the list of the target',
  'model.removed': 'a model is gone from the list of the target',
  'model.loaded': 'a model was loaded',
  'model.unloaded': 'a model was unloaded',
  'target.bypass': 'a model was loaded past foreman: somebody uses the target directly'
} as const

/** A model that could not be shown before, and now can, is no other model. */
function tellChange({ targetEvents }: FastifyInstance, { name, from, to }: CatalogChange): void {
  if (to === undefined) {
    targetEvents.tell('model.removed', { model: name, digest: from!.digest })
  } else if (from?.digest !== to.digest) {
    const { digest, sizeBytes } = to
    const replaces = from?.digest ?? null
    targetEvents.tell('model.added', { model: name, digest, size_bytes: sizeBytes, replaces })
  }
}

function tellLoaded({ loadedModels, ownRunners, targetEvents }: FastifyInstance): void {
  /** Runners past the queue that have been told of, and are still there. */
  let told: ReadonlySet<string> = new Set()
  loadedModels.on('loaded', model => {
    targetEvents.tell('model.loaded', { ...memoryOf(model), by_foreman: ownRunners.has(model) })
  })
  loadedModels.on('unloaded', ({ name, digest }) =>
    targetEvents.tell('model.unloaded', { model: name, digest })
  )
  loadedModels.on('looked', () => {
    const others = ownRunners.bypassing()
    for (const model of others)
      if (!told.has(model.digest)) targetEvents.tell('target.bypass', memoryOf(model))
    told = new Set(others.map(({ digest }) => digest))
  })
}

function memoryOf({ name, digest, sizeBytes, vramBytes, contextLength }: LoadedModel) {
  return {
    ...{ model: name, digest, size_bytes: sizeBytes, vram_bytes: vramBytes },
    context_length: contextLength ?? null
  }
}

/** The version comes with the probe that finds the target, before it counts as up. */
function tellReachability({ reachability, targetVersion, targetEvents }: FastifyInstance): void {
  let previous: string | null = null
  const tellUp = () => {
    const version = targetVersion.current ?? null
    targetEvents.tell('target.up', { version, previous_version: previous })
    previous = null
  }
  targetVersion.on('changed', (_to, from) => {
    previous = from
    if (reachability.state.status === 'up') tellUp()
  })
  reachability.on('up', tellUp)
  reachability.on('down', ({ kind, message }) =>
    targetEvents.tell('target.down', { reason: kind, detail: message })
  )
}
