/**
 * What stops a start: faults in the configuration, all of them at once.
 */

/** One fault: the path of the key (`queue.patience_s.normal`, or a file's name) and what is wrong there. */
export interface ConfigFault {
  path: string
  problem: string
}

/** The configuration cannot be used. `message` lists every fault, one a line; foreman exits with 1. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly faults: readonly ConfigFault[]

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ path, problem }) => `  ${path}: ${problem}`)
    super(
      `the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}\n${lines.join('\n')}`
    )
    this.faults = faults
  }
}

/** Writes keys as one path: `plugins.webhooks.allow`, and `plugins["./own.ts"].channel` for a key with signs. */
export function keyPath(keys: readonly string[]): string {
  return keys.reduce((path, key) => {
    if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`
    return path === '' ? key : `${path}.${key}`
  }, '')
}
