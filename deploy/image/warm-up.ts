/**
 * Starts foreman once and stops it: a step of the image's build, with NODE_COMPILE_CACHE set.
 *
 *   node warm-up.ts core/main.ts
 *
 * Node keeps what it made of the sources, so each start of the image takes less time and memory. It is a proof as well:
 * an image that lacks something to start with is not made. Ends with 1 where foreman does not answer or not end with 0.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const listensAt = 'Server listening at '

const [main] = process.argv.slice(2)
if (main === undefined) throw new Error('usage: warm-up.ts core/main.ts')
const dataDir = mkdtempSync(join(tmpdir(), 'foreman-'))
try {
  await startAndStop(main, dataDir)
} finally {
  rmSync(dataDir, { recursive: true })
}

async function startAndStop(file: string, FOREMAN_DATA_DIR: string): Promise<void> {
  const env = { ...process.env, FOREMAN_DATA_DIR, FOREMAN_HOST: '127.0.0.1', FOREMAN_PORT: '0' }
  const foreman = spawn(process.execPath, ['--max-semi-space-size=4', file, 'serve'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(foreman, 'exit')
  const health = await fetch(`${await addressOf(foreman)}/healthz`)
  foreman.kill('SIGTERM')
  const [code] = await ended
  if (!health.ok || code !== 0) throw new Error(`foreman answered ${health.status} and ended with ${code}`)
}

/** Where it listens. @throws {Error} where it ends before it does */
async function addressOf(foreman: ChildProcess): Promise<string> {
  for await (const line of createInterface(foreman.stdout!)) {
    const { msg } = JSON.parse(line) as { msg: string }
    if (msg.startsWith(listensAt)) return msg.slice(listensAt.length)
  }
  throw new Error('foreman did not start')
}
