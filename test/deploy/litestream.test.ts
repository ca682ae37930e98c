/** Litestream itself with deploy/litestream/litestream.yml, beside a foreman that makes its own checkpoints. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { spawnForeman, temporaryDir } from '../helpers/foreman.ts'
import { fetchBytes, upload } from '../plugins/artifacts/stage.ts'
import { assertProblem, chatBody, speaker } from '../plugins/jobs/stage.ts'
import { assertWhole, reading } from '../strength/support/invariants.ts'
import { startFake, withShortPauses } from '../strength/support/rig.ts'

const file = join(import.meta.dirname, '../../deploy/litestream/litestream.yml')
/** More than Litestream and foreman leave in the log: both make checkpoints on the way. */
const manyJobs = 6000

/** `LITESTREAM`, else what the PATH has. */
const program =
  process.env.LITESTREAM ??
  (process.env.PATH ?? '')
    .split(delimiter)
    .map(dir => join(dir, 'litestream'))
    .find(isFile)
const skip =
  program === undefined && 'litestream is not installed (LITESTREAM names one): nothing is proved of its file'

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

/** The file with its two places put elsewhere. */
function configFor(t: TestContext, dataDir: string, replica: string): string {
  const text = readFileSync(file, 'utf8')
  assert.match(text, /- path: \/data\/foreman\.db\n/)
  assert.match(text, / path: \/backup\n/)
  const config = join(temporaryDir(t), 'litestream.yml')
  writeFileSync(
    config,
    text
      .replace('- path: /data/foreman.db', `- path: ${dataDir}/foreman.db`)
      .replace(' path: /backup\n', ` path: ${replica}\n`)
  )
  return config
}

/** A run of Litestream: it ends by `kill -9` alone. */
function replicate(t: TestContext, config: string): { kill(): Promise<void> } {
  const child = spawn(program!, ['replicate', '-config', config], { stdio: 'ignore' })
  const gone = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await gone
  }
  t.after(kill)
  return { kill }
}

/** What the replica gives now. @returns the directory with the database */
function restore(t: TestContext, config: string, dataDir: string): string {
  const dir = join(temporaryDir(t), 'restored')
  mkdirSync(dir, { mode: 0o700 })
  execFileSync(
    program!,
    ['restore', '-config', config, '-o', join(dir, 'foreman.db'), join(dataDir, 'foreman.db')],
    {
      stdio: 'ignore'
    }
  )
  return dir
}

function idsIn(dir: string): Set<string> {
  return reading(dir, db => new Set(db.prepare('SELECT id FROM job ORDER BY seq').pluck().all() as string[]))
}

/** Resolves when the replica has this job: each change of its files is a moment to look. */
async function replicated(
  t: TestContext,
  config: string,
  place: { dataDir: string; replica: string },
  id: string
) {
  const changes = watch(place.replica, { recursive: true })
  t.after(() => changes.close())
  const has = () => {
    try {
      return idsIn(restore(t, config, place.dataDir)).has(id)
    } catch {
      return false
    }
  }
  while (!has()) await once(changes, 'change')
  changes.close()
}

test('what Litestream copied from a busy foreman is whole after kill -9 of both, and its jobs run', {
  skip
}, async t => {
  const fake = await startFake(t)
  const settings = withShortPauses({ queue: { linger: 0, min_free_bytes: 0 } })
  const first = await spawnForeman(t, { target: fake.url, settings })
  const replica = temporaryDir(t)
  const place = { dataDir: first.dataDir, replica }
  const config = configFor(t, first.dataDir, replica)
  const litestream = replicate(t, config)
  const { ask, submit } = speaker(first.url)
  const uploaded = (await upload(first.url, Buffer.alloc(300_000, 'x'))).body.id
  const lines = Array.from({ length: manyJobs / 4 }, () => JSON.stringify(chatBody)).join('\n')
  for (let part = 0; part < 4; part++) {
    const headers = { 'content-type': 'application/x-ndjson' }
    const answer = await fetch(`${first.url}/jobs`, { method: 'POST', headers, body: lines })
    await answer.text()
  }
  const last = (await submit()).id
  await replicated(t, config, place, last)
  const ahead = (await ask('POST', '/jobs', { body: chatBody })).body.id
  await Promise.all([first.kill(), litestream.kill()])
  // Neither keeps the other from its checkpoints.
  assert.ok(statSync(join(first.dataDir, 'foreman.db')).size > 2_000_000)

  const restored = restore(t, config, first.dataDir)
  assertWhole(restored)
  const [kept, all] = [[...idsIn(restored)], [...idsIn(first.dataDir)]]
  assert.deepEqual(kept, all.slice(0, kept.length), 'what is missing is the newest')
  assert.ok(kept.includes(last) && all.includes(ahead))

  cpSync(join(first.dataDir, 'secret.key'), join(restored, 'secret.key'))
  const second = await spawnForeman(t, { target: fake.url, dataDir: restored, settings })
  const words = speaker(second.url)
  assert.equal(
    (await words.ended((await words.submit({ ...chatBody, priority: 'interactive' })).id)).state,
    'done'
  )
  // Without its blob an artifact is gone, and nothing else is.
  assertProblem(await fetchBytes(`${second.url}/artifacts/${uploaded}/content`), 404, 'not_found')
  cpSync(join(first.dataDir, 'blobs'), join(restored, 'blobs'), { recursive: true })
  assert.equal((await fetchBytes(`${second.url}/artifacts/${uploaded}/content`)).bytes.length, 300_000)
})

test('Litestream that was away while foreman went on begins anew, and nothing is missing', {
  skip
}, async t => {
  const fake = await startFake(t)
  const foreman = await spawnForeman(t, { target: fake.url, settings: withShortPauses() })
  const replica = temporaryDir(t)
  const place = { dataDir: foreman.dataDir, replica }
  const config = configFor(t, foreman.dataDir, replica)
  const { submit, ended } = speaker(foreman.url)
  const before = await submit()
  const first = replicate(t, config)
  await replicated(t, config, place, before.id)
  await first.kill()
  // Without it foreman's own checkpoints empty the log, and it is written anew from its begin.
  const meanwhile = await Promise.all(Array.from({ length: 50 }, () => submit()))
  for (const { id } of meanwhile) await ended(id)
  await foreman.kill('SIGTERM')
  const again = await spawnForeman(t, {
    target: fake.url,
    dataDir: foreman.dataDir,
    settings: withShortPauses()
  })
  const after = await speaker(again.url).submit()
  replicate(t, config)
  await replicated(t, config, place, after.id)
  const restored = restore(t, config, foreman.dataDir)
  assertWhole(restored)
  const ids = idsIn(restored)
  assert.ok([before, ...meanwhile, after].every(({ id }) => ids.has(id)))
})
