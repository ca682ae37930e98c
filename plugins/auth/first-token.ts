/** How the first administrator gets in: by a token of the configuration, or one that is made at the first start. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import type { Caller } from '../../core/access/caller.ts'
import { scopes, withImplied } from '../../core/access/scopes.ts'
import { readSecretFile } from '../../core/settings/secret-file.ts'
import { ConfigError } from '../../core/settings.ts'
import { isGood } from './token.ts'
import type { TokenStore } from './token-store.ts'

const shortest = 20
const ownerOnly = 0o600

/** Whom the token of the configuration stands for, whatever it is just now. */
export const configuredCaller: Caller = {
  owner: 'configured',
  tokenId: 'configured',
  scopes: withImplied(scopes),
  limits: {}
}

/** Tells whether a text is the token of the configuration. */
export type IsConfigured = (text: string) => boolean

/**
 * The check of the token that the settings give, of any form; undefined where they give none, or an empty file.
 * @throws {ConfigError} for one that is too short, or a file that cannot be read
 */
export function configuredToken({
  token,
  token_file
}: {
  token?: string
  token_file?: string
}): IsConfigured | undefined {
  const text = token ?? (token_file === undefined ? undefined : readToken(token_file))
  if (text === undefined) return undefined
  if (text.length < shortest) {
    throw wrong(
      token === undefined ? 'token_file' : 'token',
      `expected a token of ${shortest} characters or more`
    )
  }
  const wanted = digestOf(text)
  return shown => timingSafeEqual(digestOf(shown), wanted)
}

/** Where no token of an administrator is good, makes one and writes it to a file that its owner alone can read. */
export function makeFirstToken(tokens: TokenStore, dataDir: string, log: FastifyBaseLogger): void {
  const now = Date.now()
  if (tokens.list().some(token => isGood(token, now) && token.scopes.includes('admin'))) return
  const file = join(dataDir, 'admin-token')
  tokens.create({ name: 'first', scopes: ['admin'], limits: {} }, text => {
    // Before the token is kept: one that nobody can read would keep the next start from making another.
    const temporary = `${file}.${process.pid}`
    writeFileSync(temporary, `${text}\n`, { mode: ownerOnly, flush: true })
    renameSync(temporary, file)
  })
  log.info({ file }, 'an admin token was made: it is in the file')
}

function readToken(file: string): string | undefined {
  return readSecretFile(file, 'plugins.auth.token_file', 'FOREMAN_TOKEN_FILE')
}

/** Mostly they come from the environment, so that is named too; what they hold never is. */
function wrong(option: 'token' | 'token_file', problem: string): ConfigError {
  const variable = `FOREMAN_${option.toUpperCase()}`
  return new ConfigError([{ path: `plugins.auth.${option}`, problem: `${problem} (${variable} sets it)` }])
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
