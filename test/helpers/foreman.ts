/**
 * Starts foreman for a test: in this process, or as a process of its own that can be killed.
 *
 * Each has a data directory of its own unless one is given, listens on a free port of the loopback address, and
 * is gone when the test is over.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { FastifyInstance } from 'fastify'
import { type AppOptions, buildApp } from '../../core/app.ts'
import { loadSettings, type Settings } from '../../core/settings.ts'

/** The file of settings in part, as foreman.yaml would say it. */
export type SettingsPart = { readonly [key: string]: unknown }

/** Whatever ends and tidies up then: a test, or something else that has `after`. */
export interface Scope {
  after(close: () => unknown): void
}

/** What both ways to start have in common. */
export interface ForemanOptions {
  /** Base URL of the target. */
  readonly target: string
  /** Laid over the defaults, key by key as in foreman.yaml. */
  readonly settings?: SettingsPart
  /** Defaults to a temporary one that goes with the test. */
  readonly dataDir?: string
  /** Arguments of Node for a process of its own. */
  readonly execArgv?: readonly string[]
}

/** A foreman in this process. */
export interface LocalForeman {
  readonly url: string
  readonly app: FastifyInstance
  readonly dataDir: string
}

/** A foreman that is a process. */
export interface ForemanProcess {
  readonly url: string
  readonly pid: number
  readonly dataDir: string
  /** Resolves when it is gone. */
  readonly exited: Promise<Exit>
  /** Every line it logged so far, parsed. */
  readonly logs: readonly LogLine[]
  /** The first line, or the `count`-th, past or to come, whose `msg` starts so. @throws {Error} after a minute without */
  logged(msg: string, count?: number): Promise<LogLine>
  /** Sends a signal, SIGKILL unless another is named, and waits until the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<Exit>
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** What it wrote to stderr. */
  readonly stderr: string
}

/** A line of pino's. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string }

/** What Fastify logs before its address. */
const listensAt = 'Server listening at '
const longestWaitMs = 60_000
/** As `npm start` has them: young objects in 4 MB keep the resident memory 15 MB smaller, kept code 20 MB. */
const startArgv = ['--max-semi-space-size=4']
const compileCache = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'node-compile')
const mainFile = join(import.meta.dirname, '..', '..', 'core', 'main.ts')

let root: string | undefined

/** A directory under the system's temporary one, for as long as this process lives. */
export function temporaryDir(_t: Scope): string {
  root ??= makeRoot()
  return mkdtempSync(join(root, 'dir-'))
}

// Not by `t.after`: its functions run in the order in which they were registered, so a directory would be taken from
// under the foreman that was started on it.
function makeRoot(): string {
  const dir = mkdtempSync(join(tmpdir(), 'foreman-test-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** The settings a file with `part` in it gives, for a free port, in `dataDir`. Nothing of the environment counts. */
export function settingsOf(dataDir: string, target: string, part: SettingsPart = {}): Settings {
  return loadSettings({ configPath: writeConfig(dataDir, target, part), env: {}, cwd: dataDir })
}

/** Starts foreman in this process. It is closed when the test is over; `app.close()` may come first. */
export async function startForeman(
  t: Scope,
  { target, settings, dataDir = temporaryDir(t) }: ForemanOptions,
  options: AppOptions = {}
): Promise<LocalForeman> {
  const app = await buildApp(settingsOf(dataDir, target, settings), options)
  t.after(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return { url, app, dataDir }
}

/**
 * Starts `foreman serve` as a process, killed when the test is over, and waits until it listens.
 * @throws {Error} with its stderr where it ends instead
 */
export async function spawnForeman(t: Scope, options: ForemanOptions): Promise<ForemanProcess> {
  const foreman = launchForeman(t, options)
  const url = await Promise.race([foreman.listening, foreman.exited])
  if (typeof url === 'string') return { ...foreman, url }
  throw new Error(`foreman did not start (exit ${url.code}): ${url.stderr}`)
}

/** The same without waiting: for starts that are meant to fail. */
export function launchForeman(
  t: Scope,
  { target, settings, dataDir = temporaryDir(t), execArgv = startArgv }: ForemanOptions
): Omit<ForemanProcess, 'url'> & { readonly listening: Promise<string> } {
  const config = writeConfig(temporaryDir(t), target, { data_dir: dataDir, ...settings })
  // An environment without FOREMAN_…: what is set where the tests run must not leak in.
  const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: compileCache }
  const child = spawn(process.execPath, [...execArgv, mainFile, 'serve', '--config', config], { env })
  const exited = exitOf(child)
  const kill = (signal: NodeJS.Signals = 'SIGKILL') => {
    child.kill(signal)
    return exited
  }
  t.after(() => kill())
  return { ...readLogs(child), pid: child.pid!, dataDir, exited, kill }
}

function writeConfig(dir: string, target: string, part: SettingsPart): string {
  const file = join(dir, 'foreman.yaml')
  // Without tokens, unless the test is about them: then its settings name the plugin.
  const plugins = { auth: false, ...(part.plugins as SettingsPart | undefined) }
  const all = { target: { url: target }, port: 0, data_dir: dir, ...part, plugins }
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(all))
  return file
}

type Logs = Pick<ForemanProcess, 'logs' | 'logged'> & { readonly listening: Promise<string> }

function readLogs(child: ChildProcess): Logs {
  const logs: LogLine[] = []
  const news = new EventEmitter<{ line: [] }>()
  createInterface(child.stdout!).on('line', line => {
    logs.push(JSON.parse(line))
    news.emit('line')
  })
  const find = async (msg: string, count: number, signal?: AbortSignal): Promise<LogLine> => {
    for (;;) {
      const found = logs.filter(line => line.msg?.startsWith(msg))[count - 1]
      if (found !== undefined) return found
      await once(news, 'line', { signal })
    }
  }
  const listening = find(listensAt, 1).then(({ msg }) => msg!.slice(listensAt.length))
  return { logs, listening, logged: (msg, count = 1) => find(msg, count, AbortSignal.timeout(longestWaitMs)) }
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, stderr }
}
