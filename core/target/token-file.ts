/** The token that foreman shows to the target. */
import { readSecretFile } from '../settings/secret-file.ts'
import type { Settings } from '../settings.ts'

/**
 * `target.token`, else what is in `target.token_file`; undefined where neither gives one. Read once, at the start.
 * @throws {ConfigError} where the file cannot be read
 */
export function targetToken({
  token,
  token_file
}: Pick<Settings['target'], 'token' | 'token_file'>): string | undefined {
  if (token !== undefined || token_file === undefined) return token
  return readSecretFile(token_file, 'target.token_file', 'FOREMAN_TARGET_TOKEN_FILE')
}
