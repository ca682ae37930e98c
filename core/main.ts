#!/usr/bin/env -S node --max-semi-space-size=4
/**
 * The process: arguments, settings, listen, signals, exit codes. Commands other than `serve` come from core/commands/ and
 * from the plugins.
 *
 * Exits 0 after SIGTERM or SIGINT, 1 when the configuration or the data directory cannot be used, a command was
 * called wrong or the doctor found a fault, 2 when another foreman has the data directory.
 */
import { parseArgs } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { buildApp, builtinDir } from './app.ts'
import { coreCommands } from './commands/core-commands.ts'
import { SchemaTooNewError } from './database/migrate.ts'
import { DataDirError, DataDirInUseError } from './database/open.ts'
import { SecretKeyError } from './database/secret.ts'
import { CommandError, loadCommands, type PluginCommand } from './plugin-loader.ts'
import { ConfigError, loadSettings, requireLoopback, type Settings } from './settings.ts'

const serveUsage = `usage: foreman serve [--config foreman.yaml]

  --config FILE   settings; else FOREMAN_CONFIG, else ./foreman.yaml if it is there
  --help          this text`

/** Of an address to listen at: taken, not of this machine, without a meaning. */
const listenErrors: ReadonlySet<string> = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'])

const exitCodes = { badConfiguration: 1, dataDirInUse: 2 } as const

/** What the person who starts the process asks for. */
interface Arguments {
  readonly command: string
  readonly config?: string
  readonly help: boolean
  /** What is for the command alone. */
  readonly rest: readonly string[]
}

// What foreman makes is for its own user.
process.umask(0o077)
await main()

async function main(): Promise<void> {
  try {
    const args = readArguments(process.argv.slice(2))
    const settings = loadSettings({ configPath: args.config, env: process.env, cwd: process.cwd() })
    if (args.command === 'serve' && !args.help) await serve(settings, args.rest)
    else await runCommand(settings, args)
  } catch (err) {
    exitFor(err)
  }
}

async function serve(settings: Settings, rest: readonly string[]): Promise<void> {
  // None are known: those that are left are told in Node's words.
  parseArgs({ args: [...rest] })
  const app = await buildApp(settings, { logger: { level: settings.log_level } })
  try {
    if (!app.access.guarded) requireLoopback(settings)
    stopOnSignals(app)
    await app.listen({ host: settings.host, port: settings.port })
    if (!app.access.guarded) app.log.warn('the plugin auth is off: whoever can connect has every scope')
  } catch (err) {
    await app.close()
    throw err
  }
}

async function runCommand(settings: Settings, { command, help, rest }: Arguments): Promise<void> {
  const offered = await loadCommands(settings.plugins, { builtinDir, baseDir: settings.base_dir })
  const commands = new Map([...offered, ...coreCommands])
  const chosen = commands.get(command)
  if (help) console.log(chosen?.usage ?? usageOf(commands))
  else if (chosen !== undefined) await chosen.run({ settings, args: rest })
  else throw new CommandError(`unknown command: ${command}\n\n${usageOf(commands)}`)
}

function usageOf(commands: ReadonlyMap<string, PluginCommand>): string {
  return [serveUsage, ...[...commands.values()].map(({ usage }) => usage)].join('\n\n')
}

function readArguments(argv: string[]): Arguments {
  const { values, tokens } = parseArgs({
    args: argv,
    options: { config: { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
    strict: false,
    tokens: true
  })
  if (values.config === true) throw new CommandError('--config needs a file')
  const isOwn = (token: (typeof tokens)[number]) =>
    token.kind === 'option' && (token.name === 'config' || token.name === 'help')
  const [first] = tokens.filter(token => !isOwn(token))
  const command = first?.kind === 'positional' ? first : undefined
  const taken = new Set(command === undefined ? [] : [command.index])
  for (const token of tokens.filter(isOwn)) {
    taken.add(token.index)
    if (token.kind === 'option' && token.inlineValue === false) taken.add(token.index + 1)
  }
  return {
    command: command?.value ?? 'serve',
    config: values.config as string | undefined,
    help: values.help === true,
    rest: argv.filter((_, index) => !taken.has(index))
  }
}

function stopOnSignals(app: FastifyInstance): void {
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) return
      stopping = true
      app.log.info({ signal }, 'stopping: the running job may end first')
      void app.close().then(() => app.log.info('stopped'))
    })
  }
}

/** Says what is wrong on stderr, where a person looks; anything unforeseen keeps its stack. */
function exitFor(err: unknown): void {
  const expected =
    err instanceof ConfigError ||
    err instanceof CommandError ||
    err instanceof DataDirError ||
    err instanceof DataDirInUseError ||
    err instanceof SchemaTooNewError ||
    err instanceof SecretKeyError ||
    isUsageError(err)
  console.error(expected ? `foreman: ${(err as Error).message}` : err)
  process.exit(err instanceof DataDirInUseError ? exitCodes.dataDirInUse : exitCodes.badConfiguration)
}

function isUsageError(err: unknown): boolean {
  const code = (err as NodeJS.ErrnoException)?.code
  return listenErrors.has(code ?? '') || code?.startsWith('ERR_PARSE_ARGS') === true
}
