/** The Go client: its own tests, against foreman; and through the death of foreman. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import { spawnForeman, temporaryDir } from '../helpers/foreman.ts'
import { manyWords, startFollowStage, storedText, word } from './follow-stage.ts'

const root = resolve(import.meta.dirname, '../..')
const clients = join(root, 'clients', 'go')
/** Each a module of its own. */
const modules = [clients, join(clients, 'llm')]
const token = 'a-token-of-the-go-client'

/** Where its own installation puts it, for a shell whose PATH does not have it. */
const usualGo = '/usr/local/go/bin/go'
const go = ['go', usualGo].find(program => spawnSync(program, ['version']).status === 0)
const skip = go === undefined && 'Go is not installed: nothing is proved of its client'
/** The race detector needs a C compiler. */
const race = spawnSync('gcc', ['--version']).status === 0 ? ['-race'] : []

const run = promisify(execFile)

test('the Go client is formatted and vetted', { skip }, async () => {
  const gofmt = go === usualGo ? '/usr/local/go/bin/gofmt' : 'gofmt'
  assert.equal((await run(gofmt, ['-l', clients])).stdout, '')
  for (const cwd of modules) await run(go!, ['vet', './...'], { cwd })
})

test('the Go client needs no package', { skip }, async () => {
  const { stdout } = await run(go!, ['list', '-m', 'all'], { cwd: clients })
  assert.deepEqual(stdout.trim().split('\n').length, 1, stdout)
})

test('the tests of the Go client pass against foreman', { skip }, async t => {
  const small = await startSmallForGo(t)
  const env = { ...process.env, ...(await startForGo(t)), FOREMAN_TEST_SMALL_URL: small.url }
  for (const cwd of modules) {
    const stdout = await tested(cwd, env)
    assert.match(stdout, /^--- PASS: TestReal/m)
    assert.doesNotMatch(stdout, /--- SKIP/)
  }
  // What is sent again for want of room runs once.
  const { events } = await small.fake.state()
  assert.equal(events.filter(({ type }) => type === 'generation_start').length, 40)
})

test('a Go program prints the text of a job through the death of foreman, and ends', { skip }, async t => {
  const program = join(temporaryDir(t), 'follow')
  await run(go!, ['build', '-o', program, './examples/follow'], { cwd: clients })
  const stage = await startFollowStage(t)
  const id = await stage.submit(manyWords)
  const env = { ...process.env, FOREMAN_URL: stage.url, FOREMAN_TOKEN: stage.token }
  const child = spawn(program, [id], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill())
  const [out, err] = [text(child.stdout), text(child.stderr)]
  await prints(child, `${word}9`)
  await stage.restart('SIGKILL')
  const stored = storedText(await stage.ended(id))
  const [begun, whole, ...more] = (await out).split('\n\n--- the text begins anew ---\n\n')
  assert.equal(whole, stored)
  assert.ok(stored.startsWith(begun!) && begun!.includes(`${word}9`) && begun!.length < stored.length)
  assert.deepEqual(more, [])
  assert.match(await err, /trying again/)
  if (child.exitCode === null) await once(child, 'exit')
  assert.equal(child.exitCode, 0)
})

/** What the tests of a module say. @throws {AssertionError} with what the failed ones say */
async function tested(cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  const passed = /^( *--- PASS|=== RUN|PASS$)/
  try {
    return (await run(go!, ['test', ...race, '-count=1', '-v', './...'], { cwd, env })).stdout
  } catch (err) {
    const { stdout, stderr } = err as { stdout: string; stderr: string }
    const lines = (stdout + stderr).split('\n').filter(line => !passed.test(line))
    assert.fail(lines.join('\n'))
  }
}

/** Starts foreman with a token, which may send webhooks to one free port. @returns what the tests read of the environment */
async function startForGo(t: TestContext): Promise<Record<string, string>> {
  const fake = await startFakeOllama()
  t.after(() => fake.kill())
  const listen = `127.0.0.1:${await freePort()}`
  const plugins = { auth: { token }, webhooks: { allow: [listen] } }
  const { url } = await spawnForeman(t, { target: fake.url, settings: { plugins, queue: { linger: 0 } } })
  return { FOREMAN_URL: url, FOREMAN_TOKEN: token, FOREMAN_TEST_LISTEN: listen }
}

/** Starts foreman for the test that hands in 40 jobs where 5 may wait. */
async function startSmallForGo(t: TestContext): Promise<{ url: string; fake: FakeOllama }> {
  const fake = await startFakeOllama({ token_delay_ms: 5 })
  t.after(() => fake.kill())
  const plugins = { auth: { token } }
  const settings = { plugins, queue: { linger: 0, max_queued: 5 } }
  const { url } = await spawnForeman(t, { target: fake.url, settings })
  return { url, fake }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until the program has printed `wanted`. */
function prints({ stdout }: ChildProcess, wanted: string): Promise<void> {
  let printed = ''
  return new Promise(resolve => {
    stdout!.on('data', chunk => {
      printed += chunk
      if (printed.includes(wanted)) resolve()
    })
  })
}
