/** `foreman token …`: makes, lists, rotates and revokes tokens, beside a running server or without one. */
import { parseArgs } from 'node:util'
import { CommandError, type PluginCommand } from '../../../core/plugin-loader.ts'
import type { Settings } from '../../../core/settings.ts'
import { isGood, type Token, tokenObject } from '../token.ts'
import { defaultOverlapS, longestOverlapS } from '../token-routes.ts'
import type { TokenStore } from '../token-store.ts'
import { atDesk, draftOptions, readDraft, readDuration } from './store.ts'

const usage = `usage: foreman token create --name N --scopes a,b [limits]   prints the token, this once
       foreman token list [--json]
       foreman token rotate tok_… [--overlap 1d]             prints its successor
       foreman token revoke tok_…

  limits          --models a,b*  --top-priority normal  --max-queued 100  --requests-per-minute 600
                  --jobs-per-minute 60  --addresses 192.168.1.0/24  --expires-in 30d`

type Act = (settings: Settings, args: string[]) => void

const acts: Readonly<Record<string, Act>> = { create, list, rotate, revoke }

/** The command. */
export const tokenCommand: PluginCommand = {
  usage,
  async run({ settings, args: [act = '', ...args] }) {
    if (!Object.hasOwn(acts, act)) throw new CommandError(`create, list, rotate or revoke?\n\n${usage}`)
    acts[act]!(settings, args)
  }
}

function create(settings: Settings, args: string[]): void {
  const { values } = parseArgs({ args, options: draftOptions })
  const draft = readDraft(values, Date.now())
  atDesk(settings, ({ tokens, wrote }) => {
    const { token, text } = tokens.create(draft)
    wrote('token.create', token.id)
    console.error(`${token.id} for ${token.name}: ${token.scopes.join(', ')}. It is shown this once:`)
    console.log(text)
  })
}

function list(settings: Settings, args: string[]): void {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } })
  const tokens = atDesk(settings, desk => desk.tokens.list())
  if (values.json) console.log(JSON.stringify(tokens.map(tokenObject), null, 2))
  else for (const line of tableOf(tokens)) console.log(line)
}

function rotate(settings: Settings, args: string[]): void {
  const { values, positionals } = parseArgs({
    args,
    options: { overlap: { type: 'string' } },
    allowPositionals: true
  })
  const overlapMs = values.overlap === undefined ? defaultOverlapS * 1000 : readDuration(values.overlap)
  if (overlapMs > longestOverlapS * 1000) throw new CommandError('--overlap is 7d at most')
  atDesk(settings, ({ tokens, wrote }) => {
    const old = find(tokens, positionals)
    const { token, text } = tokens.rotate(old.id, overlapMs, Date.now())
    wrote('token.rotate', old.id)
    const { expires_at } = tokenObject(find(tokens, [old.id]))
    console.error(`${token.id} takes the place of ${old.id}, which is good until ${expires_at}:`)
    console.log(text)
  })
}

function revoke(settings: Settings, args: string[]): void {
  const { positionals } = parseArgs({ args, allowPositionals: true, options: {} })
  atDesk(settings, ({ tokens, wrote }) => {
    const token = find(tokens, positionals)
    tokens.revoke(token.id, Date.now())
    wrote('token.revoke', token.id)
    console.error(`${token.id} (${token.name}) is good no more`)
  })
}

function find(tokens: TokenStore, [id]: string[]): Token {
  if (id === undefined) throw new CommandError(`which token?\n\n${usage}`)
  const token = tokens.find(id)
  if (token === undefined) throw new CommandError(`there is no token ${id}; "foreman token list" shows them`)
  return token
}

function tableOf(tokens: readonly Token[]): string[] {
  const head = ['id', 'state', 'kind', 'last used', 'expires', 'scopes', 'limits', 'name']
  const rows = tokens.map(rowOf)
  const widths = head.map((title, at) =>
    Math.max(...[head, ...rows].map(row => row[at]!.length), title.length)
  )
  return [head, ...rows].map(row =>
    row
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join('  ')
      .trimEnd()
  )
}

function rowOf(token: Token): string[] {
  const { last_used_at, expires_at, limits } = tokenObject(token)
  const over = token.revokedAt === undefined ? 'expired' : 'revoked'
  const state = isGood(token, Date.now()) ? 'good' : over
  const limited = Object.keys(limits).length === 0 ? '-' : JSON.stringify(limits)
  const { id, kind, scopes, name } = token
  return [id, state, kind, last_used_at ?? 'never', expires_at ?? 'never', scopes.join(','), limited, name]
}
