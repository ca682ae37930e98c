/**
 * Imports one plugin and holds it and its options against what a plugin must be.
 */
import { pathToFileURL } from 'node:url'
import type { FastifyPluginAsync } from 'fastify'
import { childSchema, findFaults, isTree, type SchemaNode, type Tree } from '../settings/check.ts'
import { type ConfigFault, keyPath } from '../settings/config-error.ts'
import { withDefaults } from '../settings/defaults.ts'
import { typeText } from '../settings/interpolate.ts'
import type { Candidate } from './choose.ts'
import type { PluginCommand } from './commands.ts'

/** A plugin that can be registered once those it depends on are. */
export interface ImportedPlugin {
  key: string
  /** Its name in the metadata that fastify-plugin keeps; others depend on it by this name. */
  name: string
  dependencies: readonly string[]
  /** It looks at the routes of all others, so it comes before them; `first`: before others that do so, too. */
  seesRoutes: boolean | 'first'
  plugin: FastifyPluginAsync<Tree>
  /** Defaults filled in. */
  options: Tree
}

interface PluginModule {
  default?: unknown
  configSchema?: SchemaNode
  checkOptions?: (options: Tree) => readonly ConfigFault[]
  enabledByDefault?: boolean
  seesRoutes?: boolean | 'first'
  commands?: Readonly<Record<string, PluginCommand>>
}

/** The commands that a candidate offers; none where it cannot be imported, which is told in `faults`. */
export async function importCommands(
  { key, file }: Candidate,
  faults: ConfigFault[]
): Promise<NonNullable<PluginModule['commands']>> {
  const refuse = (problem: string) => void faults.push({ path: keyPath(['plugins', key]), problem })
  return (await importModule(file, refuse))?.commands ?? {}
}

/**
 * Imports a candidate. Without a result it is not to be registered: a fault says why, or it is a built-in
 * plugin that is off unless the settings name it.
 */
export async function importPlugin(
  candidate: Candidate,
  faults: ConfigFault[]
): Promise<ImportedPlugin | undefined> {
  const keys = ['plugins', candidate.key]
  const refuse = (problem: string) => void faults.push({ path: keyPath(keys), problem })
  const module = await importModule(candidate.file, refuse)
  if (module === undefined) return undefined
  if (candidate.setting === undefined && module.enabledByDefault === false) return undefined
  const meta = metadataOf(module.default)
  if (meta === undefined) {
    return refuse(`expected ${candidate.file} to have a named fastify-plugin as its default export`)
  }
  if (candidate.builtin && meta.name !== candidate.key) {
    return refuse(`expected the built-in plugin to be named as its folder, found the name '${meta.name}'`)
  }
  const options = readOptions(module, candidate.setting, keys, faults)
  const plugin = module.default as FastifyPluginAsync<Tree>
  return { key: candidate.key, ...meta, seesRoutes: module.seesRoutes ?? false, plugin, options }
}

async function importModule(
  file: string,
  refuse: (problem: string) => void
): Promise<PluginModule | undefined> {
  try {
    return await import(pathToFileURL(file).href)
  } catch (error) {
    refuse(`the plugin cannot be imported: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Reads what fastify-plugin noted on the function, as Fastify itself does when it registers one. */
function metadataOf(plugin: unknown): { name: string; dependencies: readonly string[] } | undefined {
  if (typeof plugin !== 'function') return undefined
  const meta = (plugin as { [META]?: { name?: string; dependencies?: string[] } })[META]
  return meta?.name === undefined ? undefined : { name: meta.name, dependencies: meta.dependencies ?? [] }
}

const META = Symbol.for('plugin-meta')

function readOptions(
  { configSchema: schema, checkOptions }: PluginModule,
  setting: Candidate['setting'],
  keys: readonly string[],
  faults: ConfigFault[]
): Tree {
  const given = isTree(setting) ? setting : {}
  if (schema === undefined) {
    const names = Object.keys(given)
    faults.push(
      ...names.map(name => ({ path: keyPath([...keys, name]), problem: 'this plugin takes no options' }))
    )
    return {}
  }
  const options = withDefaults(schema, typed(given, schema)) as Tree
  const unfit = findFaults(schema, options, keys)
  // What no schema can tell is asked only of options that fit it.
  const odd = unfit.length === 0 ? (checkOptions?.(options) ?? []) : []
  faults.push(...unfit, ...odd.map(({ path, problem }) => ({ path: keyPath([...keys, path]), problem })))
  return options
}

/** Text where the schema asks for a number or a boolean may come from a variable, so it is read as that. */
function typed(value: unknown, schema: SchemaNode | undefined): unknown {
  if (typeof value === 'string') return typeText(value, schema)
  if (Array.isArray(value)) return value.map(item => typed(item, schema?.items))
  if (!isTree(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, typed(child, childSchema(schema, key))])
  )
}
