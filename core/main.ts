#!/usr/bin/env -S node --max-semi-space-size=4
/**
 * The process: arguments, settings, listen, signals, exit codes.
 *
 * Exits 0 after SIGTERM or SIGINT, 1 when the configuration or the data directory cannot be used, 2 when another
 * foreman has the data directory.
 */
import { parseArgs } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { buildApp } from './app.ts'
import { DataDirError, DataDirInUseError } from './database/open.ts'
import { ConfigError, loadSettings, requireLoopback } from './settings.ts'

const usage = `usage: foreman serve [--config foreman.yaml]

  --config FILE   settings; else FOREMAN_CONFIG, else ./foreman.yaml if it is there
  --help          this text`

const exitCodes = { badConfiguration: 1, dataDirInUse: 2 } as const

await main()

async function main(): Promise<void> {
  let app: FastifyInstance | undefined
  try {
    const args = readArguments()
    if (args === undefined) return
    const settings = loadSettings({ configPath: args.config, env: process.env, cwd: process.cwd() })
    requireLoopback(settings)
    app = await buildApp(settings, { logger: { level: settings.log_level } })
    stopOnSignals(app)
    await app.listen({ host: settings.host, port: settings.port })
    app.log.info(
      'foreman listens on loopback only, where the one owner has every scope: there are no tokens yet'
    )
  } catch (err) {
    await app?.close()
    exitFor(err)
  }
}

/** @returns undefined when only the usage was asked for */
function readArguments(): { config?: string } | undefined {
  const options = { config: { type: 'string' }, help: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  if (values.help) {
    console.log(usage)
    return undefined
  }
  const [command = 'serve'] = positionals
  if (command !== 'serve')
    throw new ConfigError([{ path: 'command', problem: `unknown: ${command}\n${usage}` }])
  return values
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
    err instanceof DataDirError ||
    err instanceof DataDirInUseError ||
    isUsageError(err)
  console.error(expected ? `foreman: ${(err as Error).message}` : err)
  process.exit(err instanceof DataDirInUseError ? exitCodes.dataDirInUse : exitCodes.badConfiguration)
}

function isUsageError(err: unknown): boolean {
  const code = (err as NodeJS.ErrnoException)?.code
  return code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL' || code?.startsWith('ERR_PARSE_ARGS') === true
}
