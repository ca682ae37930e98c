/** `foreman backup` as a process, beside a foreman that is busy or without one, and what a start makes of the copy. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  watch,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { writeCopy } from '../../core/commands/backup/write-copy.ts'
import { openStore } from '../../core/database/open.ts'
import { layRecord, picture } from '../fixtures/databases/records.ts'
import { type ForemanProcess, launchForeman, spawnForeman, temporaryDir } from '../helpers/foreman.ts'
import { fetchBytes, sha256, upload } from '../plugins/artifacts/stage.ts'
import { foreman } from '../plugins/auth/command-line.ts'
import { chatBody, speaker } from '../plugins/jobs/stage.ts'
import { assertWhole, reading } from '../strength/support/invariants.ts'
import { startFake, withShortPauses } from '../strength/support/rig.ts'

const mainFile = join(import.meta.dirname, '../../core/main.ts')
const newest = 6

/** A data directory that a killed foreman left, with jobs, an upload that is a blob, a token and the key. */
function layDataDir(t: TestContext): string {
  const dataDir = temporaryDir(t)
  layRecord(newest, dataDir).db.close()
  openStore(dataDir).close()
  return dataDir
}

const newDir = (t: TestContext) => join(temporaryDir(t), 'copy')
const blobsOf = (dir: string) =>
  readdirSync(join(dir, 'blobs'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))

async function backup(dataDir: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await foreman(['backup', ...args], { dataDir })
  assert.deepEqual([code, stderr], [0, ''])
  return stdout
}

async function refused(dataDir: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await foreman(['backup', ...args], { dataDir })
  assert.equal(code, 1, stdout)
  return stderr
}

/** Callers that hand in jobs and uploads, until foreman is gone; `news` tells of each that is acknowledged. */
function keepBusy({ url }: ForemanProcess) {
  const acknowledged = { jobs: [] as string[], uploads: [] as string[] }
  const news = new EventEmitter()
  const { submit } = speaker(url)
  const forever = async (hand: () => Promise<unknown>) => {
    for (;;) {
      await hand()
      news.emit('acknowledged')
    }
  }
  let n = 0
  const callers = [
    ...Array.from({ length: 4 }, () =>
      forever(async () => {
        const messages = [{ role: 'user', content: `job ${n++}` }]
        acknowledged.jobs.push((await submit({ ...chatBody, model: n % 2 ? 'alpha' : 'beta', messages })).id)
      })
    ),
    forever(async () => {
      const { body } = await upload(url, Buffer.alloc(300_000, `upload ${n++} `))
      acknowledged.uploads.push(body.id)
    })
  ]
  return { acknowledged, news, gone: Promise.allSettled(callers) }
}

test('a copy of a busy foreman has all that was acknowledged before, and its jobs end', async t => {
  // Answers above 256 KiB, which lie in blobs.
  const fake = await startFake(t, { token_count: 40_000 })
  const settings = withShortPauses()
  const first = await spawnForeman(t, { target: fake.url, settings })
  const { submit, ended } = speaker(first.url)
  const large = await ended((await submit()).id)
  await fake.configure({ token_count: 8 })
  const { acknowledged, news, gone } = keepBusy(first)
  while (acknowledged.jobs.length < 100 || acknowledged.uploads.length < 5) await once(news, 'acknowledged')
  const before = { jobs: [...acknowledged.jobs], uploads: [...acknowledged.uploads] }
  const copy = newDir(t)
  const told = await backup(first.dataDir, copy, '--with-key')
  await first.kill()
  await gone
  assert.match(told, /\d+ jobs in .* [kM]B, [1-9]\d* blobs in .* MB/)
  assert.match(await backup(first.dataDir, '--check', copy), /is sound: \d+ jobs/)
  rmSync(first.dataDir, { recursive: true })

  const second = await spawnForeman(t, { target: fake.url, dataDir: copy, settings })
  const words = speaker(second.url)
  for (const id of before.jobs) assert.equal((await words.ended(id)).state, 'done')
  for (const id of before.uploads)
    assert.equal((await fetchBytes(`${second.url}/artifacts/${id}/content`)).status, 200)
  const output = (await words.ask('GET', `/jobs/${large.id}`)).body.artifacts[0]!
  const { bytes } = await fetchBytes(second.url + output.url)
  assert.equal(`sha256:${sha256(bytes).toString('hex')}`, output.digest)
  assert.ok(bytes.length > 256 * 1024)
  await second.kill('SIGTERM')
  assertWhole(copy)
})

test('a copy is for its owner alone, is one file and its blobs, and has the key only where it is asked for', async t => {
  const dataDir = layDataDir(t)
  const [without, with_] = [newDir(t), newDir(t)]
  assert.match(await backup(dataDir, without), /secret.key is not in it, and a start needs it/)
  assert.match(await backup(dataDir, with_, '--with-key'), /secret.key is in it/)
  assert.deepEqual(readdirSync(without).sort(), ['blobs', 'foreman.db'])
  assert.deepEqual(readdirSync(with_).sort(), ['blobs', 'foreman.db', 'secret.key'])
  for (const dir of [without, with_]) {
    const open = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
      name => statSync(join(dir, name)).mode & 0o077
    )
    assert.deepEqual([statSync(dir).mode & 0o777, open], [0o700, []])
  }
  assert.deepEqual(readFileSync(blobsOf(without)[0]!), picture)
  assert.match(await backup(dataDir, '--check', without), /needs the secret.key that is not in it/)
  assert.doesNotMatch(await backup(dataDir, '--check', with_), /secret.key/)
  // A check changes nothing, not even the names in the directory.
  assert.deepEqual(readdirSync(without).sort(), ['blobs', 'foreman.db'])
})

test('a copy without the key starts once the key is put into it', async t => {
  const dataDir = layDataDir(t)
  const copy = newDir(t)
  await backup(dataDir, copy)
  const options = { target: 'http://127.0.0.1:9', dataDir: copy, settings: { plugins: { auth: {} } } }
  const { code, stderr } = await launchForeman(t, options).exited
  assert.equal(code, 1)
  assert.match(stderr, /the key file '.*secret.key' is not there/)
  writeFileSync(join(copy, 'secret.key'), readFileSync(join(dataDir, 'secret.key')), { mode: 0o600 })
  await spawnForeman(t, options)
})

test('a copy that is not whole never has the name, whenever its maker is killed', async t => {
  const dataDir = layDataDir(t)
  const blob = blobsOf(dataDir)[0]!
  rmSync(blob)
  // Nobody writes into this pipe: who reads the blob waits.
  execFileSync('mkfifo', [blob])
  const copy = newDir(t)
  const parent = join(copy, '..')
  const child = spawn(process.execPath, [mainFile, 'backup', copy], {
    env: { PATH: process.env.PATH, FOREMAN_DATA_DIR: dataDir }
  })
  t.after(() => child.kill('SIGKILL'))
  const names = watch(parent, { recursive: true })
  t.after(() => names.close())
  const isCopying = () =>
    readdirSync(parent, { recursive: true, encoding: 'utf8' }).some(name => /blobs\/../.test(name))
  while (!isCopying()) await once(names, 'change')
  assert.equal(existsSync(copy), false)
  child.kill('SIGKILL')
  await once(child, 'close')
  assert.deepEqual(
    readdirSync(parent).map(name => name.replace(/-\w+$/, '')),
    ['.copy.incomplete']
  )
  rmSync(blob)
  writeFileSync(blob, picture)
  await backup(dataDir, copy)
  assert.ok(existsSync(copy))
})

test('the copy is of one moment, and is made however much is written meanwhile', async t => {
  const dataDir = layDataDir(t)
  const db = new Database(join(dataDir, 'foreman.db'))
  t.after(() => db.close())
  db.exec('CREATE TABLE filler (body BLOB); CREATE TABLE tick (n INTEGER); INSERT INTO tick VALUES (0)')
  for (let mb = 0; mb < 20; mb++) db.exec('INSERT INTO filler VALUES (zeroblob(1000000))')
  const tick = db.prepare('UPDATE tick SET n = n + 1')
  // Each of these changes a page that may have been copied already: without a snapshot SQLite would begin anew each time.
  let writing = true
  const write = () => {
    if (!writing) return
    tick.run()
    setImmediate(write)
  }
  write()
  const ticksAtStart = db.prepare('SELECT n FROM tick').pluck().get()
  const copy = newDir(t)
  await writeCopy({ data_dir: dataDir }, copy, false)
  writing = false
  assert.equal(
    reading(copy, copied => copied.prepare('SELECT n FROM tick').pluck().get()),
    ticksAtStart
  )
  assert.ok((db.prepare('SELECT n FROM tick').pluck().get() as number) > 3)
})

test('an artifact that is removed while it is copied is not in the copy; one that is lost is told', async t => {
  const dataDir = layDataDir(t)
  const blob = blobsOf(dataDir)[0]!
  renameSync(blob, `${blob}.away`)
  const copy = newDir(t)
  const stderr = await refused(dataDir, copy)
  assert.match(
    stderr,
    /the copy is made, but the data directory itself misses 1 blobs that artifacts need: [0-9a-f]{64}/
  )
  assert.match(
    await refused(dataDir, '--check', copy),
    /is not sound:\n {2}the blob [0-9a-f]{64} cannot be read: ENOENT/
  )

  // The row goes between the copy of the database and that of the blobs.
  const db = new Database(join(dataDir, 'foreman.db'))
  t.after(() => db.close())
  const other = newDir(t)
  const removed = writeCopy({ data_dir: dataDir }, other, false)
  setImmediate(() => db.exec('DELETE FROM artifact WHERE body IS NULL'))
  assert.deepEqual((await removed).lost, [])
  assert.match(await backup(dataDir, '--check', other), /is sound: 8 jobs, 0 blobs/)
})

test('a check tells of other bytes, of a broken page and of a key that does not fit', async t => {
  const dataDir = layDataDir(t)
  const copyWith = async (harm: (copy: string) => void) => {
    const copy = newDir(t)
    await backup(dataDir, copy, '--with-key')
    harm(copy)
    return refused(dataDir, '--check', copy)
  }
  const blob = await copyWith(copy => writeFileSync(blobsOf(copy)[0]!, 'other'))
  assert.match(blob, /the blob [0-9a-f]{64} has other bytes than it should/)
  const page = await copyWith(copy => {
    const file = join(copy, 'foreman.db')
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0xff, 20 * 4096, 24 * 4096))
  })
  assert.match(page, /is not sound:\n/)
  const key = await copyWith(copy => writeFileSync(join(copy, 'secret.key'), Buffer.alloc(32, 8)))
  assert.match(key, /does not open the secret/)
})

test('what cannot be copied, or not there, is refused in words and leaves nothing', async t => {
  const dataDir = layDataDir(t)
  const parent = temporaryDir(t)
  mkdirSync(join(parent, 'there'))
  assert.match(await refused(dataDir, join(parent, 'there')), /'.*there' is there already/)
  assert.match(await refused(dataDir, join(parent, 'none', 'copy')), /could not be written: ENOENT/)
  assert.match(await refused(temporaryDir(t), join(parent, 'copy')), /there is no foreman.db in/)
  assert.match(await refused(dataDir), /one directory is needed/)
  rmSync(join(dataDir, 'secret.key'))
  assert.match(await refused(dataDir, join(parent, 'copy'), '--with-key'), /secret.key' could not be copied/)
  chmodSync(dataDir, 0o700)
  assert.deepEqual(readdirSync(parent), ['there'])
})
