/** Commands of core's own: what concerns the data directory as a whole. Those of plugins stand beside them. */
import type { PluginCommand } from '../plugin-loader.ts'
import { backupCommand } from './backup.ts'
import { doctorCommand } from './doctor.ts'

/** By name. A plugin cannot take one of these names. */
export const coreCommands: ReadonlyMap<string, PluginCommand> = new Map([
  ['backup', backupCommand],
  ['doctor', doctorCommand]
])
