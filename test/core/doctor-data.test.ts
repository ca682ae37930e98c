/** What the doctor says of a data directory and the database in it, and that it leaves both as they are. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { examineDir } from '../../core/commands/doctor/data-dir.ts'
import { examineDatabase } from '../../core/commands/doctor/database.ts'
import { judgeFileSystem } from '../../core/commands/doctor/file-system.ts'
import type { Finding } from '../../core/commands/doctor/finding.ts'
import { openStore } from '../../core/database/open.ts'
import { layRecord } from '../fixtures/databases/records.ts'
import { type SettingsPart, temporaryDir } from '../helpers/foreman.ts'
import { mountSmallDisk } from '../strength/support/small-disk.ts'
import { amissOf, plainSettings } from './doctor-stage.ts'

const isRoot = process.getuid?.() === 0

/** A directory that a foreman used, with a secret in it, and left in good order. */
function layDataDir(t: TestContext): string {
  const dataDir = temporaryDir(t)
  const { secrets, close } = openStore(dataDir)
  secrets.make('test')
  close()
  return dataDir
}

async function examined(t: TestContext, dataDir: string, part?: SettingsPart): Promise<Finding[]> {
  const settings = plainSettings(t, { data_dir: dataDir, ...part })
  const { findings, usable, inUse } = examineDir(settings)
  if (!usable) return [...findings]
  const data = await examineDatabase(settings, inUse)
  data.db?.close()
  return [...findings, ...data.findings]
}

const codesOf = (findings: readonly Finding[]) => findings.map(({ code }) => code)

function change(dataDir: string, sql: string): void {
  const db = new Database(join(dataDir, 'foreman.db'))
  db.exec(sql)
  db.close()
}

test('a directory in good order is well, and every part of it is told', async t => {
  const findings = await examined(t, layDataDir(t))
  assert.deepEqual(amissOf(findings), [])
  const expected = ['private', 'file_system', 'room', 'free', 'sound', 'schema_current', 'key_fits']
  assert.deepEqual(
    codesOf(findings),
    expected.map(name => `data.${name}`)
  )
})

test('a directory that is not there is well where it can be made', async t => {
  const parent = temporaryDir(t)
  assert.deepEqual(codesOf(await examined(t, join(parent, 'a', 'b'))), ['data.absent'])
  assert.deepEqual(
    readdirSync(parent),
    ['foreman.yaml'].filter(name => existsSync(join(parent, name)))
  )
  writeFileSync(join(parent, 'file'), '')
  for (const dir of [join(parent, 'file'), join(parent, 'file', 'below')])
    assert.deepEqual(codesOf(await examined(t, dir)), ['data.unusable'])
})

test('a file that cannot be opened is told as that, and not as damage', async t => {
  for (const name of ['foreman.lock', 'foreman.db']) {
    const dataDir = temporaryDir(t)
    mkdirSync(join(dataDir, name))
    assert.deepEqual(amissOf(await examined(t, dataDir)), ['data.unusable'])
  }
})

test('a directory that others may look into, or that is theirs, is told', async t => {
  const dataDir = layDataDir(t)
  for (const mode of [0o755, 0o1700, 0o710]) {
    chmodSync(dataDir, mode)
    assert.deepEqual(amissOf(await examined(t, dataDir)), ['data.open_to_others'])
  }
  chmodSync(dataDir, 0o700)
  if (!isRoot) return t.diagnostic('SKIPPED, NOT PROVED: this user may not give a directory away')
  chownSync(dataDir, 12_345, 12_345)
  assert.deepEqual(amissOf(await examined(t, dataDir)), ['data.other_owner'])
})

test('a directory on a network or in memory is told', async t => {
  for (const type of [0x6969, 0x517b, 0xff534d42, 0xfe534d42 | 0, 0x5346414f, 0x00c36400])
    assert.equal(judgeFileSystem(type).code, 'data.on_network')
  for (const type of [0xef53, 0x9123683e, 0x58465342, 0x794c7630])
    assert.equal(judgeFileSystem(type).code, 'data.file_system')
  const shared = '/dev/shm'
  if (!existsSync(shared)) return t.diagnostic('SKIPPED, NOT PROVED: there is no /dev/shm')
  const dataDir = mkdtempSync(join(shared, 'foreman-test-'))
  t.after(() => rmSync(dataDir, { recursive: true }))
  assert.deepEqual(amissOf(await examined(t, dataDir)), ['data.in_memory'])
})

test('a disk that is full, and data that takes too much, are told', async t => {
  const dataDir = layDataDir(t)
  assert.deepEqual(amissOf(await examined(t, dataDir, { queue: { max_bytes: 1000 } })), [
    'data.quota_reached'
  ])
  const disk = mountSmallDisk(t)
  if (disk === undefined) return t.diagnostic('SKIPPED, NOT PROVED: this user may not mount a disk')
  chmodSync(disk.dir, 0o700)
  assert.deepEqual(amissOf(await examined(t, disk.dir)), ['data.in_memory'])
  disk.fill()
  assert.deepEqual(amissOf(await examined(t, disk.dir)), ['data.in_memory', 'data.disk_low'])
})

test('a foreman that holds the directory is seen, and not disturbed', async t => {
  const dataDir = layDataDir(t)
  const holder = fork(join(import.meta.dirname, 'database', 'holder.ts'), [dataDir])
  t.after(() => holder.kill('SIGKILL'))
  await once(holder, 'message')
  assert.ok(codesOf(await examined(t, dataDir)).includes('data.in_use'))
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  assert.ok(codesOf(await examined(t, dataDir)).includes('data.free'))
})

test('a schema of another foreman is told: an older one is migrated, a newer one refused', async t => {
  const older = temporaryDir(t)
  layRecord(6, older).db.close()
  chmodSync(older, 0o700)
  assert.deepEqual(amissOf(await examined(t, older)), ['data.schema_older'])
  const newer = layDataDir(t)
  change(newer, 'PRAGMA user_version = 999')
  assert.deepEqual(amissOf(await examined(t, newer)), ['data.schema_newer'])
})

test('a damaged database is told, and one that is too large to be read in time', async t => {
  const dataDir = layDataDir(t)
  const { findings, db } = await examineDatabase(plainSettings(t, { data_dir: dataDir }), false, 1)
  db?.close()
  assert.deepEqual(amissOf(findings), ['data.not_read_through'])
  const file = join(dataDir, 'foreman.db')
  writeFileSync(file, readFileSync(file).fill(0xff, 8 * 4096, 12 * 4096))
  assert.deepEqual(amissOf(await examined(t, dataDir)), ['data.broken'])
  writeFileSync(file, 'this was a database once'.repeat(1000))
  assert.deepEqual(amissOf(await examined(t, dataDir)), ['data.broken'])
})

test('a log that has grown large is told', async t => {
  const dataDir = layDataDir(t)
  const log = join(dataDir, 'foreman.db-wal')
  for (const [bytes, codes] of [
    [300e6, ['data.log_large']],
    [200e6, []]
  ] as const) {
    writeFileSync(log, '')
    truncateSync(log, bytes)
    assert.deepEqual(amissOf(await examined(t, dataDir)), codes)
  }
})

test('a key that others may read, and one that does not fit, are told', async t => {
  const dataDir = layDataDir(t)
  const key = join(dataDir, 'secret.key')
  chmodSync(key, 0o644)
  assert.deepEqual(amissOf(await examined(t, dataDir)), ['data.key_open'])
  chmodSync(key, 0o600)
  writeFileSync(key, Buffer.alloc(32, 8))
  assert.deepEqual(amissOf(await examined(t, dataDir)), ['data.key_unusable'])
  rmSync(key)
  assert.deepEqual(amissOf(await examined(t, dataDir)), ['data.key_unusable'])
})

test('an examination changes no byte and no name, after a stop and after a kill', async t => {
  const stopped = layDataDir(t)
  const killed = layDataDir(t)
  const holder = fork(join(import.meta.dirname, 'database', 'holder.ts'), [killed])
  t.after(() => holder.kill('SIGKILL'))
  await once(holder, 'message')
  change(killed, 'UPDATE secret SET name = name')
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  assert.ok(existsSync(join(killed, 'foreman.db-wal')))
  for (const dataDir of [stopped, killed]) {
    // The index of the log is made anew by whoever reads it: it holds nothing of its own.
    const state = () =>
      readdirSync(dataDir)
        .sort()
        .map(name => [name, name.endsWith('-shm') ? '' : readFileSync(join(dataDir, name), 'base64')])
    const before = state()
    await examined(t, dataDir)
    assert.deepEqual(state(), before)
  }
})
