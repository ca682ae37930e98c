/** The process: its arguments, and its exit codes for what a person can put right. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { launchForeman, spawnForeman, temporaryDir } from '../helpers/foreman.ts'
import { unusedUrl } from './target/servers.ts'

const mainFile = join(import.meta.dirname, '..', '..', 'core', 'main.ts')

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs foreman to its end, in an empty folder unless one is given. */
async function foreman(
  t: TestContext,
  args: string[],
  { cwd = temporaryDir(t), env = {} } = {}
): Promise<Ended> {
  const child = spawn(process.execPath, [mainFile, ...args], { cwd, env: { PATH: process.env.PATH, ...env } })
  t.after(() => child.kill('SIGKILL'))
  const written = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...written }
}

test('--help tells the usage and starts nothing', async t => {
  const cwd = temporaryDir(t)
  for (const args of [['--help'], ['serve', '--help']]) {
    const { code, stdout, stderr } = await foreman(t, args, { cwd })
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^usage: foreman serve \[--config foreman\.yaml\]/)
  }
  assert.deepEqual(readdirSync(cwd), [])
})

for (const [what, args, said] of [
  ['an unknown command', ['fly'], /^foreman: unknown command: fly\n\nusage: foreman serve/],
  ['an unknown option', ['--port', '1'], /^foreman: Unknown option '--port'/],
  ['an option without its value', ['--config'], /^foreman: .*--config/],
  ['a file that is not there', ['--config', 'none.yaml'], /^foreman: [\s\S]*none\.yaml/]
] as const) {
  test(`${what} ends with 1, says so, and shows no stack`, async t => {
    const { code, stdout, stderr } = await foreman(t, [...args])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, said)
    assert.doesNotMatch(stderr, /^\s+at /m)
  })
}

test('every fault of the settings is told at once, with its key', async t => {
  const cwd = temporaryDir(t)
  writeFileSync(join(cwd, 'foreman.yaml'), 'port: many\nqueue: { max_queud: 5 }\n')
  const { code, stderr } = await foreman(t, ['serve'], { cwd, env: { FOREMAN_TARGET_URL: 'ftp://x' } })
  assert.equal(code, 1)
  for (const key of [/\bport: /, /\bqueue\.max_queud: /, /\btarget\.url: .*FOREMAN_TARGET_URL/]) {
    assert.match(stderr, key)
  }
  assert.deepEqual(readdirSync(cwd), ['foreman.yaml'], 'no data directory was made')
})

test('an address that others can reach ends with 1 where everybody would be let in', async t => {
  const cwd = temporaryDir(t)
  writeFileSync(join(cwd, 'foreman.yaml'), 'plugins: { auth: false }\n')
  const { code, stderr } = await foreman(t, [], { cwd, env: { FOREMAN_HOST: '0.0.0.0' } })
  assert.equal(code, 1)
  assert.match(stderr, /^foreman: .*\n?.*host: .*loopback.*open_to_everyone/)
})

test('a data directory that cannot be made ends with 1', async t => {
  const cwd = temporaryDir(t)
  writeFileSync(join(cwd, 'file'), '')
  const { code, stderr } = await foreman(t, [], { cwd, env: { FOREMAN_DATA_DIR: join(cwd, 'file', 'data') } })
  assert.equal(code, 1)
  assert.match(stderr, /^foreman: the data directory '.*' cannot be used/)
})

test('a port that is taken ends with 1', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { code, stderr } = await foreman(t, [], { env: { FOREMAN_PORT: String(port) } })
  assert.equal(code, 1)
  assert.match(stderr, /^foreman: .*EADDRINUSE/)
})

test('a data directory that another foreman has ends with 2, and the other goes on', async t => {
  const target = await unusedUrl()
  const first = await spawnForeman(t, { target })
  const { code, stderr } = await launchForeman(t, { target, dataDir: first.dataDir }).exited
  assert.equal(code, 2)
  assert.match(stderr, /^foreman: the data directory '.*' is in use by another foreman/)
  assert.equal((await fetch(`${first.url}/healthz`)).status, 200)
})

test('SIGTERM and SIGINT end an idle foreman with 0', async t => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { kill } = await spawnForeman(t, { target: await unusedUrl() })
    const { code, stderr } = await kill(signal)
    assert.deepEqual([code, stderr], [0, ''])
  }
})
