/** What the commands have in common: tokens beside a running server, options, and what is said of a change. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { AuditLog } from '../../../core/access/audit.ts'
import { type Scope, scopes } from '../../../core/access/scopes.ts'
import { openBeside } from '../../../core/database/open.ts'
import { isForemanError } from '../../../core/errors.ts'
import { CommandError } from '../../../core/plugin-loader.ts'
import { bodyCheck } from '../../../core/schema-validator.ts'
import type { Settings } from '../../../core/settings.ts'
import { type TokenDraft, tokenName } from '../token.ts'
import { limitsSchema, type WrittenLimits } from '../token-limits.ts'
import { KeyEnrolledError, TokenStore } from '../token-store.ts'

/** Tokens, and the log of what was done to them. */
export interface TokenDesk {
  readonly tokens: TokenStore
  /** Notes a change that was made. */
  wrote(action: string, tokenId: string): void
}

/** Opens the store of the settings for one command. @throws {CommandError} with the reason of what it refuses */
export function atDesk<T>({ data_dir, secret_key_file }: Settings, work: (desk: TokenDesk) => T): T {
  const { db, secrets, close } = openBeside(data_dir, secret_key_file)
  try {
    const audit = new AuditLog(db)
    const wrote = (action: string, object: string) =>
      audit.write({ actor: 'command', action, object, result: 'ok' })
    return work({ tokens: new TokenStore(db, secrets), wrote })
  } catch (err) {
    throw isForemanError(err) || err instanceof KeyEnrolledError ? new CommandError(err.message) : err
  } finally {
    close()
  }
}

/** Options that say what a token is to be. */
export const draftOptions = {
  name: { type: 'string' },
  scopes: { type: 'string' },
  models: { type: 'string' },
  'top-priority': { type: 'string' },
  'max-queued': { type: 'string' },
  'requests-per-minute': { type: 'string' },
  'jobs-per-minute': { type: 'string' },
  addresses: { type: 'string' },
  'expires-in': { type: 'string' }
} as const

type DraftValues = { readonly [Name in keyof typeof draftOptions]?: string }

/** What the options ask for. @throws {CommandError} that says which of them is wrong, and what is right */
export function readDraft(values: DraftValues, now: number): TokenDraft {
  const { name } = values
  if (name === undefined || !Value.Check(Type.String(tokenName), name)) {
    throw new CommandError(
      '--name needs 1 to 100 characters that can be seen: they tell tokens apart for people'
    )
  }
  const lifeMs = values['expires-in'] === undefined ? undefined : readDuration(values['expires-in'])
  if (lifeMs === 0) throw new CommandError('--expires-in needs a time to come, such as 30d')
  return {
    name,
    scopes: readScopes(values.scopes),
    limits: readLimits(values),
    expiresAt: lifeMs === undefined ? undefined : now + lifeMs
  }
}

function readScopes(text: string | undefined): Scope[] {
  const names = listOf(text)
  const unknown = names.filter(name => !scopes.includes(name as Scope))
  if (names.length === 0 || unknown.length > 0) {
    const what = unknown.length > 0 ? `there is no scope ${unknown.join(', ')}` : '--scopes is missing'
    throw new CommandError(`${what}; the scopes are ${scopes.join(', ')}`)
  }
  return [...new Set(names)] as Scope[]
}

const checkLimits = bodyCheck(limitsSchema)

function readLimits(values: DraftValues): WrittenLimits {
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text))
  const list = (text: string | undefined) => (text === undefined ? undefined : listOf(text))
  const given = {
    models: list(values.models),
    top_priority: values['top-priority'],
    max_queued: number(values['max-queued']),
    requests_per_minute: number(values['requests-per-minute']),
    jobs_per_minute: number(values['jobs-per-minute']),
    addresses: list(values.addresses)
  }
  const limits = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  try {
    return checkLimits(limits)
  } catch (err) {
    throw new CommandError((err as Error).message)
  }
}

function listOf(text = ''): string[] {
  return text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A time such as `30d` or `12h`, in ms. @throws {CommandError} */
export function readDuration(text: string): number {
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (unit === undefined) throw new CommandError(`"${text}" is no time such as 30d, 12h, 90m or 45s`)
  return Number(number) * units[unit]!
}
