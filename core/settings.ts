/**
 * Settings: foreman.yaml, the environment and the defaults made into one object, or a list of all faults.
 *
 * Order of precedence: named environment variables, the file, the defaults of the schema. Names and units are
 * those of the file (snake_case, seconds with `_s`).
 */
import { BlockList, isIP } from 'node:net'
import { dirname, resolve } from 'node:path'
import { findFaults, isTree, type SchemaNode, type Tree } from './settings/check.ts'
import { ConfigError, type ConfigFault } from './settings/config-error.ts'
import { locateConfigFile, readConfigFile } from './settings/config-file.ts'
import { withDefaults } from './settings/defaults.ts'
import { applyEnvironment } from './settings/environment.ts'
import { type Environment, interpolate } from './settings/interpolate.ts'
import { type SettingsFile, settingsSchema } from './settings/schema.ts'
import { parseTargetUrl } from './settings/target-url.ts'

export { ConfigError, type ConfigFault } from './settings/config-error.ts'
export { settingsSchema } from './settings/schema.ts'

const SCHEMA = settingsSchema as SchemaNode

/** All settings, defaults filled in. Files and folders that they name are absolute paths. */
export type Settings = SettingsFile & {
  /** Folder that relative plugin paths start from: that of the file, or the working directory without one. */
  base_dir: string
}

/** Where settings come from. */
export interface SettingsSources {
  /** Value of `--config`; wins over FOREMAN_CONFIG. Without either, foreman.yaml in `cwd` is read if it is there. */
  configPath?: string
  env: Environment
  cwd: string
}

/**
 * Reads the settings once. A relative path is taken from where it is written: in the file from the file's
 * folder, in a variable or as a default from `cwd`.
 * @throws {ConfigError} with every fault found.
 */
export function loadSettings({ configPath, env, cwd }: SettingsSources): Settings {
  const file = locateConfigFile(configPath ?? (env.FOREMAN_CONFIG || undefined), cwd)
  const baseDir = file === undefined ? cwd : dirname(file)
  const faults: ConfigFault[] = []
  const written = file === undefined ? {} : readConfigFile(file)
  const tree = interpolate(written, SCHEMA, env, faults) as Tree
  makeAbsolute(tree, baseDir)
  const variables = applyEnvironment(tree, SCHEMA, env)
  const filled = withDefaults(SCHEMA, tree) as SettingsFile
  faults.push(...findFaults(SCHEMA, filled).map(fault => withOrigin(fault, variables)))
  if (faults.length > 0) throw new ConfigError(faults)
  filled.target.url = parseTargetUrl(filled.target.url)!
  return { ...filled, data_dir: resolve(cwd, filled.data_dir), base_dir: baseDir }
}

function withOrigin({ path, problem }: ConfigFault, variables: ReadonlyMap<string, string>): ConfigFault {
  const variable = variables.get(path)
  return { path, problem: variable === undefined ? problem : `${problem} in ${variable}` }
}

/**
 * Refuses an address others can reach, where no plugin tells callers apart: whoever can connect could use the target.
 * @throws {ConfigError} unless `host` is `localhost` or a loopback address (127.0.0.0/8, ::1), or the settings say that
 *   foreman is open to everyone.
 */
export function requireLoopback({
  host,
  open_to_everyone
}: Pick<Settings, 'host' | 'open_to_everyone'>): void {
  if (open_to_everyone || host === 'localhost' || isLoopback(host)) return
  const problem =
    `expected localhost or a loopback address, found "${host}": with plugins.auth off anybody who could connect ` +
    'could use the target. Switch it on, or set open_to_everyone: true if that is what you want'
  throw new ConfigError([{ path: 'host', problem }])
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

function isLoopback(host: string): boolean {
  const family = isIP(host)
  return family !== 0 && LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6')
}

const PATH_KEYS = [
  ['data_dir'],
  ['secret_key_file'],
  ['target', 'token_file'],
  ['target', 'tls', 'ca_file'],
  ['target', 'tls', 'cert_file'],
  ['target', 'tls', 'key_file'],
  ['plugins', 'auth', 'token_file']
]

function makeAbsolute(tree: Tree, baseDir: string): void {
  for (const keys of PATH_KEYS) {
    const leaf = keys.at(-1)!
    const parent = keys
      .slice(0, -1)
      .reduce<unknown>((node, key) => (isTree(node) ? node[key] : undefined), tree)
    if (isTree(parent) && typeof parent[leaf] === 'string') parent[leaf] = resolve(baseDir, parent[leaf])
  }
}
