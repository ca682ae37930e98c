/**
 * Which plugins the settings ask for, and from which file each comes.
 */
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { type ConfigFault, keyPath } from '../settings/config-error.ts'
import { nearestKey } from '../settings/nearest-key.ts'
import type { Settings } from '../settings.ts'

/** A plugin to import: its key in the settings, the file, and what the settings say to it. */
export interface Candidate {
  key: string
  file: string
  builtin: boolean
  /** `true` asks for it with no options; undefined for a built-in plugin that the settings do not name. */
  setting: true | Record<string, unknown> | undefined
}

/** Where plugins are looked for. */
export interface PluginPlaces {
  /** Folder whose subfolders with an index.ts are the built-in plugins. */
  builtinDir: string
  /** Folder that relative paths start from and whose node_modules (or a parent's) holds packages. */
  baseDir: string
}

/** Names of the built-in plugins, sorted. */
export function builtinNames(builtinDir: string): string[] {
  return readdirSync(builtinDir)
    .filter(name => existsSync(join(builtinDir, name, 'index.ts')))
    .sort()
}

/**
 * Built-in plugins by name, then the others in the order of the settings; those set to `false` are left out.
 * A name that leads nowhere is a fault, also behind `false`, where a slip would else switch off nothing.
 */
export function chooseCandidates(
  plugins: Settings['plugins'],
  { builtinDir, baseDir }: PluginPlaces,
  faults: ConfigFault[]
): Candidate[] {
  const builtins = builtinNames(builtinDir)
  const others = Object.keys(plugins).filter(key => !builtins.includes(key))
  return [...builtins, ...others].flatMap((key): Candidate[] => {
    const setting = plugins[key]
    const builtin = builtins.includes(key)
    const file = builtin ? join(builtinDir, key, 'index.ts') : otherFile(key, baseDir)
    if (file === undefined) faults.push({ path: keyPath(['plugins', key]), problem: nowhere(key, builtins) })
    return file === undefined || setting === false ? [] : [{ key, file, builtin, setting }]
  })
}

/** The file behind a path or a package name; undefined where no such package is installed. */
function otherFile(key: string, baseDir: string): string | undefined {
  if (/^(\.{0,2}\/)/.test(key)) return resolve(baseDir, key)
  try {
    return createRequire(join(baseDir, 'foreman.yaml')).resolve(key)
  } catch {
    return undefined
  }
}

function nowhere(key: string, builtins: readonly string[]): string {
  const nearest = nearestKey(key, builtins)
  const hint = nearest === undefined ? '' : `; the nearest built-in plugin is ${nearest}`
  return `there is no built-in plugin and no installed package of the name '${key}'${hint}`
}
