/** The process: how it stops, what it says to those who wait, and its exit codes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { launchForeman, temporaryDir } from '../helpers/foreman.ts'
import { assertWhole, reading } from './support/invariants.ts'
import { jobAt, processSettings, startProcess, submitTo } from './support/process.ts'
import { assertOneAtATime, chat, startFake } from './support/rig.ts'

const target = 'http://127.0.0.1:9'
const endless = { token_delay_ms: 20, token_count: 100_000 }

/** What the store of a stopped foreman has of a job. */
function stored(dataDir: string, id: string): unknown {
  return reading(dataDir, db => db.prepare('SELECT state, attempt FROM job WHERE id = ?').get(id))
}

test('SIGTERM lets the running job end, tells those who wait, and exits 0', async t => {
  const fake = await startFake(t, { token_delay_ms: 100, token_count: 8 })
  const dataDir = temporaryDir(t)
  const foreman = await startProcess(t, {
    target: fake.url,
    dataDir,
    settings: { limits: { shutdown_s: 8 } }
  })
  const [running, waiting] = await submitTo(foreman.url, {}, {})
  await jobAt(foreman.url, running!, 'working')
  const caller = chat(foreman.url)
  await queued(dataDir, 2)
  const exit = foreman.kill('SIGTERM')
  const { status, headers } = await caller
  assert.deepEqual(
    [status, headers?.get('foreman-error-code'), headers?.get('retry-after')],
    [503, 'interrupted', '10']
  )
  assert.equal((await exit).code, 0)
  assert.deepEqual(stored(dataDir, running!), { state: 'done', attempt: 1 })
  assert.deepEqual(stored(dataDir, waiting!), { state: 'queued', attempt: 0 })
  assertWhole(dataDir)
})

test('SIGTERM takes a job back that does not end in time, and it runs at once after the start', async t => {
  const fake = await startFake(t, endless)
  const dataDir = temporaryDir(t)
  // A long pause before a retry: a job that foreman itself ended does not have to wait for it.
  const settings = { limits: { shutdown_s: 0.2 }, retry: { backoff_s: 600 } }
  const foreman = await startProcess(t, { target: fake.url, dataDir, settings })
  const [id] = await submitTo(foreman.url, {})
  await fake.waitFor('generation_start')
  assert.equal((await foreman.kill('SIGTERM')).code, 0)
  assert.deepEqual(stored(dataDir, id!), { state: 'queued', attempt: 1 })
  await fake.waitFor('generation_end')
  await fake.configure({ token_delay_ms: 0, token_count: 1 })
  const again = await startProcess(t, { target: fake.url, dataDir, settings })
  const done = await jobAt(again.url, id!)
  assert.deepEqual([done.state, done.attempt], ['done', 2])
  assertWhole(dataDir)
  await assertOneAtATime(fake)
})

test('SIGTERM in the middle of a load takes the job back and exits 0', async t => {
  const fake = await startFake(t, { load_delay_ms: 60_000 })
  const dataDir = temporaryDir(t)
  const foreman = await startProcess(t, { target: fake.url, dataDir })
  const [id] = await submitTo(foreman.url, {})
  await fake.waitFor('load_start')
  assert.equal((await foreman.kill('SIGTERM')).code, 0)
  assert.deepEqual(stored(dataDir, id!), { state: 'queued', attempt: 1 })
})

test('a caller whose run does not end in time is told, or cut off where its answer has begun', async t => {
  const fake = await startFake(t, endless)
  for (const stream of [false, true]) {
    const foreman = await startProcess(t, { target: fake.url })
    const seen = (await fake.state()).counts.generation_start ?? 0
    const caller = chat(foreman.url, { stream })
    await fake.waitFor('generation_start', seen + 1)
    const exit = foreman.kill('SIGTERM')
    const { status, headers, broke } = await caller
    if (stream) assert.deepEqual([status, broke], [200, true])
    else assert.deepEqual([status, headers?.get('foreman-error-code')], [503, 'interrupted'])
    assert.equal((await exit).code, 0)
  }
})

test('a call that needs no job does not hold up a stop for longer than limits.shutdown_s', async t => {
  const fake = await startFake(t, { pull_delay_ms: 60_000 })
  const foreman = await startProcess(t, { target: fake.url })
  const pull = await fetch(`${foreman.url}/api/pull`, {
    method: 'POST',
    body: JSON.stringify({ model: 'smollm2:135m' })
  })
  const ended = pull.text().then(
    () => 'complete',
    () => 'cut off'
  )
  assert.equal((await foreman.kill('SIGTERM')).code, 0)
  assert.equal(await ended, 'cut off')
})

test('a second foreman on the same directory exits 2 and leaves the first alone', async t => {
  const fake = await startFake(t)
  const dataDir = temporaryDir(t)
  const first = await startProcess(t, { target: fake.url, dataDir })
  const { code, stderr } = await launchForeman(t, { target: fake.url, dataDir }).exited
  assert.equal(code, 2)
  assert.match(stderr, /^foreman: the data directory '.*' is in use by another foreman/)
  const [id] = await submitTo(first.url, {})
  assert.equal((await jobAt(first.url, id!)).state, 'done')
})

test('a start that cannot be exits 1 and says why in one line', async t => {
  const dir = temporaryDir(t)
  const file = join(dir, 'a-file')
  writeFileSync(file, '')
  writeFileSync(
    join(dir, 'foreman.db'),
    'this is no database, and long enough to be taken for one. '.repeat(20)
  )
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const starts = [
    { settings: { queue: { lingr: 1 } }, says: /queue\.lingr.*linger/s },
    { settings: { plugins: { nothere: true } }, says: /plugins\.nothere/ },
    { settings: { host: '0.0.0.0' }, says: /loopback/ },
    { settings: { port }, says: /EADDRINUSE/ },
    { settings: {}, dataDir: join(file, 'below'), says: /data directory .* cannot be used/ },
    { settings: {}, dataDir: dir, says: /data directory .* cannot be used \(.*not a database/ }
  ]
  for (const { says, ...options } of starts) {
    const { code, stderr } = await launchForeman(t, { target, ...options }).exited
    assert.equal(code, 1, stderr)
    assert.match(stderr, says)
    assert.doesNotMatch(stderr, /\n\s+at /)
  }
})

/** Only so that a stop that never ends fails. */
const patient = { timeout: 300_000 }
/** Runs before foreman: no connection ends because it was idle for long. */
const idleForEver = `import { Server } from 'node:http'
Object.defineProperty(Server.prototype, 'keepAliveTimeout', { get: () => 0, set() {} })`

test(
  'a stop of an idle foreman waits neither for limits.shutdown_s nor for clients that keep their connection',
  patient,
  async t => {
    const fake = await startFake(t)
    const foreman = await startProcess(t, {
      target: fake.url,
      settings: { limits: { shutdown_s: 86_400 } },
      execArgv: ['--import', `data:text/javascript,${encodeURIComponent(idleForEver)}`]
    })
    const { hostname, port } = new URL(foreman.url)
    const client = connect(Number(port), hostname).on('error', () => {})
    t.after(() => client.destroy())
    client.write(`GET /healthz HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`)
    assert.match(String(await once(client, 'data')), /^HTTP\/1\.1 200 /)
    const exit = await foreman.kill('SIGTERM')
    assert.deepEqual([exit.code, exit.stderr], [0, ''])
  }
)

/** Waits until `count` jobs are queued. */
async function queued(dataDir: string, count: number): Promise<void> {
  const waiting = () =>
    reading(dataDir, db => db.prepare("SELECT count(*) FROM job WHERE state = 'queued'").pluck().get())
  while (waiting() !== count) await new Promise(setImmediate)
}

// Keeps the rig's settings checked by the process itself: a slip in them would test nothing.
test('the settings of these tests are accepted', async t => {
  const foreman = launchForeman(t, { target, settings: processSettings() })
  assert.match(String(await Promise.race([foreman.listening, foreman.exited])), /^http:/)
})
