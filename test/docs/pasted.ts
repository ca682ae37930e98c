/** Pages that are sessions: all their blocks, pasted into a shell one after another as their reader does. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

/** A session that takes longer has stopped in the middle. */
const longestMs = 60_000
const ROOT = resolve(import.meta.dirname, '../..')

/** Pastes the page `docs/<name>` into a shell. @returns what each of its blocks in bash has printed */
export async function paste(t: TestContext, name: string): Promise<string[]> {
  const shell = spawn('bash', ['-c', await session(name)], { cwd: ROOT })
  const overtime = setTimeout(() => shell.kill(), longestMs)
  t.after(() => clearTimeout(overtime))
  const [out, err] = await Promise.all([text(shell.stdout), text(shell.stderr)])
  t.diagnostic(`${out}\n${err}`)
  return out.split(/^== \d+\n/m).slice(1)
}

/** The blocks as one script: with ports that are free, without the installation, each told by a line of its own. */
async function session(name: string): Promise<string> {
  const page = readFileSync(join(ROOT, 'docs', name), 'utf8')
  const blocks = [...page.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, block]) => block!)
  const [target, foreman, receiver] = [await freePort(), await freePort(), await freePort()]
  const started = [`export FOREMAN_PORT=${foreman} FOREMAN_TARGET_URL=http://127.0.0.1:${target}`]
  // What the session started must not outlive one that stops in the middle.
  const tidy = `trap 'jobs -p | xargs --no-run-if-empty kill -9' EXIT; trap 'exit 1' TERM`
  // Job control, as in a shell that a person types into: `%1` means something.
  const script = [
    ...started,
    tidy,
    'set -m -u',
    ...blocks.map((block, n) => `printf "\\n== ${n + 1}\\n"\n${block}`)
  ].join('\n')
  return script
    .replaceAll('11434', String(target))
    .replaceAll('9000', String(receiver))
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${foreman}`)
    .replace(/^npm ci$/m, '')
}

/** A port of the loopback address that nobody has now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  assert.ok(address !== null && typeof address === 'object')
  return address.port
}
