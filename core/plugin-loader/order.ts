/**
 * The order in which plugins are registered: each after those it depends on.
 */
import { type ConfigFault, keyPath } from '../settings/config-error.ts'

/** What the order is worked out from. */
export interface Dependent {
  key: string
  name: string
  dependencies: readonly string[]
  /** Comes before those that do not; `first` before all. */
  seesRoutes?: boolean | 'first'
}

/** Every name that more than one plugin has is a fault: dependencies could mean either. */
export function findNameClashes(plugins: readonly Dependent[]): ConfigFault[] {
  const owners = new Map<string, string>()
  return plugins.flatMap(({ key, name }) => {
    const owner = owners.get(name)
    owners.set(name, owner ?? key)
    return owner === undefined
      ? []
      : [faultOf(key, `its name '${name}' is also that of ${keyPath(['plugins', owner])}`)]
  })
}

/**
 * Every dependency that is not there. `isThere` says whether a name is, or will be, registered; `whyNot` tells in
 * words what became of a name that is not.
 */
export function findMissing(
  plugins: readonly Dependent[],
  isThere: (name: string) => boolean,
  whyNot: (name: string) => string
): ConfigFault[] {
  return plugins.flatMap(({ key, name, dependencies }) =>
    dependencies
      .filter(dependency => !isThere(dependency))
      .map(dependency => faultOf(key, `plugin '${name}' needs plugin '${dependency}', ${whyNot(dependency)}`))
  )
}

/**
 * Sorts plugins so that each comes after its dependencies, else those that see routes first, else as they came.
 * Dependencies that are not among them are taken as met. Plugins that need each other are a fault; their order then means nothing.
 */
export function sortByDependencies<T extends Dependent>(plugins: readonly T[], faults: ConfigFault[]): T[] {
  const byName = new Map(plugins.map(plugin => [plugin.name, plugin]))
  const sorted = new Set<T>()
  const visit = (plugin: T, path: readonly T[]): void => {
    if (sorted.has(plugin)) return
    if (path.includes(plugin)) {
      faults.push(cycleFault([...path.slice(path.indexOf(plugin)), plugin]))
      return
    }
    for (const name of plugin.dependencies) {
      const dependency = byName.get(name)
      if (dependency !== undefined) visit(dependency, [...path, plugin])
    }
    sorted.add(plugin)
  }
  for (const plugin of plugins) if (plugin.seesRoutes === 'first') visit(plugin, [])
  for (const plugin of plugins) if (plugin.seesRoutes) visit(plugin, [])
  for (const plugin of plugins) visit(plugin, [])
  return [...sorted]
}

function cycleFault(cycle: readonly Dependent[]): ConfigFault {
  const names = cycle.map(({ name }) => `'${name}'`).join(' needs ')
  return faultOf(cycle[0]!.key, `plugins need each other, so none can be first: ${names}`)
}

function faultOf(key: string, problem: string): ConfigFault {
  return { path: keyPath(['plugins', key]), problem }
}
