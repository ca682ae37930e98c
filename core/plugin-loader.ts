/**
 * The plugin loader: from the `plugins` of the settings to registered Fastify plugins.
 *
 * A key is the name of a built-in plugin (a folder), a path (`./`, `../`, `/`), or an npm package. Everything that
 * is wrong with any of them is told at once, before the first is registered. docs/plugins.md is the guide for authors.
 */
import type { FastifyInstance } from 'fastify'
import { builtinNames, chooseCandidates, type PluginPlaces } from './plugin-loader/choose.ts'
import type { PluginCommand } from './plugin-loader/commands.ts'
import { type ImportedPlugin, importCommands, importPlugin } from './plugin-loader/import.ts'
import { findMissing, findNameClashes, sortByDependencies } from './plugin-loader/order.ts'
import { ConfigError, type ConfigFault, keyPath } from './settings/config-error.ts'
import type { Settings } from './settings.ts'

export type { PluginPlaces } from './plugin-loader/choose.ts'
export { type CommandContext, CommandError, type PluginCommand } from './plugin-loader/commands.ts'

/**
 * Registers every plugin the settings ask for, each after those it depends on, and waits until it has started.
 * Built-in plugins are on unless set to `false` or off by their own `enabledByDefault`.
 * @returns the names of the plugins, in the order they were registered.
 * @throws {ConfigError} with every fault, before anything is registered; an Error naming the plugin that failed
 *   to start, with its cause, after those before it were; a ConfigError of its own as it is.
 */
export async function loadPlugins(
  app: FastifyInstance,
  plugins: Settings['plugins'],
  places: PluginPlaces
): Promise<string[]> {
  const faults: ConfigFault[] = []
  const imported: ImportedPlugin[] = []
  for (const candidate of chooseCandidates(plugins, places, faults)) {
    const plugin = await importPlugin(candidate, faults)
    if (plugin !== undefined) imported.push(plugin)
  }
  const isThere = (name: string) => app.hasPlugin(name) || imported.some(plugin => plugin.name === name)
  const reasons = reasonsToBeMissing(plugins, builtinNames(places.builtinDir), [...faults])
  faults.push(...findNameClashes(imported), ...findMissing(imported, isThere, reasons))
  const sorted = sortByDependencies(imported, faults)
  if (faults.length > 0) throw new ConfigError(faults)
  for (const plugin of sorted) await register(app, plugin)
  return sorted.map(({ name }) => name)
}

/**
 * The commands of the plugins that the settings ask for, by name. Nothing is registered.
 * @throws {ConfigError} where one of them cannot be imported
 */
export async function loadCommands(
  plugins: Settings['plugins'],
  places: PluginPlaces
): Promise<Map<string, PluginCommand>> {
  const faults: ConfigFault[] = []
  const commands = new Map<string, PluginCommand>()
  for (const candidate of chooseCandidates(plugins, places, faults)) {
    const offered = await importCommands(candidate, faults)
    for (const [name, command] of Object.entries(offered)) commands.set(name, command)
  }
  if (faults.length > 0) throw new ConfigError(faults)
  return commands
}

function reasonsToBeMissing(
  plugins: Settings['plugins'],
  builtins: readonly string[],
  faults: readonly ConfigFault[]
): (name: string) => string {
  return name => {
    const path = keyPath(['plugins', name])
    if (plugins[name] === false) return `which is switched off in ${path}`
    if (faults.some(fault => fault.path === path)) return `which cannot be used either, see ${path}`
    return builtins.includes(name) ? `which is off until ${path} switches it on` : 'which is not there'
  }
}

async function register(app: FastifyInstance, { name, plugin, options }: ImportedPlugin): Promise<void> {
  try {
    await app.register(plugin, options)
  } catch (error) {
    // A plugin may find a fault in its options that its schema cannot tell.
    if (error instanceof ConfigError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`plugin '${name}' did not start: ${reason}`, { cause: error })
  }
}
