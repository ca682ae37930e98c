/** foreman's commands as real processes, to their end. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const root = join(import.meta.dirname, '..', '..', '..')
const mainFile = join(root, 'core', 'main.ts')
const compileCache = join(root, 'node_modules', '.cache', 'node-compile')

/** What came of one. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Where it runs. */
export interface Place {
  readonly dataDir: string
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
}

/** Runs `foreman <args>` in the data directory, without a file of settings. */
export async function foreman(args: readonly string[], { dataDir, env, stdin = '' }: Place): Promise<Ended> {
  const child = spawn(process.execPath, [mainFile, ...args], {
    cwd: dataDir,
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compileCache, FOREMAN_DATA_DIR: dataDir, ...env }
  })
  child.stdin.on('error', () => {}).end(stdin)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>
  ])
  return { code, stdout, stderr }
}
