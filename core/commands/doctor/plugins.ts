/** The plugins that the settings ask for, held against what a start would want of them; none is started. */
import { builtinDir } from '../../app.ts'
import { chooseCandidates } from '../../plugin-loader/choose.ts'
import { type ImportedPlugin, importPlugin } from '../../plugin-loader/import.ts'
import { findMissing, findNameClashes, sortByDependencies } from '../../plugin-loader/order.ts'
import type { ConfigFault, Settings } from '../../settings.ts'
import { amiss, type Finding } from './finding.ts'

/** A finding for each fault that would keep a start from its plugins. */
export async function examinePlugins({ plugins, base_dir }: Settings): Promise<Finding[]> {
  const faults: ConfigFault[] = []
  const imported: ImportedPlugin[] = []
  for (const candidate of chooseCandidates(plugins, { builtinDir, baseDir: base_dir }, faults)) {
    const plugin = await importPlugin(candidate, faults)
    if (plugin !== undefined) imported.push(plugin)
  }
  const isThere = (name: string) => imported.some(plugin => plugin.name === name)
  faults.push(
    ...findNameClashes(imported),
    ...findMissing(imported, isThere, () => 'which is off or not there')
  )
  sortByDependencies(imported, faults)
  return faults.map(({ path, problem }) =>
    amiss(
      'settings.plugin_unusable',
      `${path}: ${problem}`,
      'a start is refused: mend this key, or set the plugin to false'
    )
  )
}
