/** Reads a secret that the settings name by its file, as container engines and systemd hand them in. */
import { readFileSync } from 'node:fs'
import { ConfigError } from './config-error.ts'

/**
 * The secret, without the blanks around it; undefined where the file has nothing else, since an empty file is what
 * stands in for a secret that nobody gave, as an empty variable does.
 * @param key of the setting, and `variable` that sets it too, for the message: what is in the file is never in it
 * @throws {ConfigError} where the file cannot be read
 */
export function readSecretFile(file: string, key: string, variable: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch (err) {
    const problem = `cannot be read: ${(err as Error).message} (${variable} sets it)`
    throw new ConfigError([{ path: key, problem }])
  }
}
