/** The session of docs/batch.md, pasted into a shell as its reader does. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'

const ROOT = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(ROOT, 'docs/batch.md'), 'utf8')
const blocks = [...page.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, block]) => block!)

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

/** The blocks as one script: with ports that are free, without the installation, each told by a line of its own. */
async function session(): Promise<string> {
  const [target, foreman] = [await freePort(), await freePort()]
  const started = [`export FOREMAN_PORT=${foreman} FOREMAN_TARGET_URL=http://127.0.0.1:${target}`]
  // Job control, as in a shell that a person types into: `%1` means something.
  const script = [
    ...started,
    'set -m -u',
    ...blocks.map((block, n) => `printf "\\n== ${n + 1}\\n"\n${block}`)
  ].join('\n')
  return script
    .replaceAll('11434', String(target))
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${foreman}`)
    .replace(/^npm ci$/m, '')
}

test('the batch of docs/batch.md survives the death of foreman', { timeout: 120_000 }, async t => {
  const shell = spawn('bash', ['-c', await session()], { cwd: ROOT, detached: true })
  t.after(() => {
    // The whole group: what the session started must not outlive a test that failed in the middle.
    if (shell.exitCode === null) process.kill(-shell.pid!, 'SIGKILL')
  })
  const [out, err] = await Promise.all([text(shell.stdout), text(shell.stderr)])
  t.diagnostic(`${out}\n${err}`)
  const said = out.split(/^== \d\n/m).slice(1)
  assert.equal(said.length, 7)
  assert.match(said[1]!, /^\s*100\n\{"id":"job_[0-9a-z]{26}"\}\n\{"id":"job_[0-9a-z]{26}"\}\n\s*$/)
  assert.match(said[2]!, /"queue":\{"position":\d+/)
  assert.match(said[3]!, /^100\s*$/)
  assert.match(said[4]!, /^\s*100\n\s*$/)
  assert.match(said[5]!, /"sentence":"[^"]+"/)
})
