import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import {
  DataDirError,
  DataDirInUseError,
  durably,
  isStorageFailure,
  openStore
} from '../../../core/database/open.ts'
import { temporaryDir } from '../../helpers/foreman.ts'

const newDir = (t: TestContext) => join(temporaryDir(t), 'deep', 'data')

function open(t: TestContext, dataDir: string) {
  const store = openStore(dataDir)
  t.after(() => store.close())
  return store
}

/** A process that has the directory. */
async function holderOf(t: TestContext, dataDir: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'holder.ts'), [dataDir], { execArgv: [] })
  t.after(() => child.kill('SIGKILL'))
  assert.deepEqual(await once(child, 'message'), ['holding', undefined])
  return child
}

test('a data directory is made for its owner alone, with the folders above it', t => {
  const dataDir = newDir(t)
  open(t, dataDir)
  assert.equal(statSync(dataDir).mode & 0o777, 0o700)
})

test('the database has its schema and its pragmas', t => {
  const { db } = open(t, newDir(t))
  const pragma = (name: string) => db.pragma(name, { simple: true })
  assert.deepEqual(['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout'].map(pragma), [
    'wal',
    1,
    1,
    5000
  ])
  assert.ok((pragma('user_version') as number) >= 1)
})

test('what was stored is there after the next open', t => {
  const dataDir = newDir(t)
  const first = openStore(dataDir)
  first.db.exec("INSERT INTO resident VALUES ('worker', 'a', 'm', 'd', 5)")
  first.close()
  const { db } = open(t, dataDir)
  assert.deepEqual(db.prepare('SELECT runner, loaded_at FROM resident').get(), { runner: 'a', loaded_at: 5 })
})

test('a directory in use is refused, and free after its close', t => {
  const dataDir = newDir(t)
  const first = openStore(dataDir)
  assert.throws(() => openStore(dataDir), DataDirInUseError)
  assert.throws(() => openStore(dataDir), {
    message: new RegExp(`'${dataDir}' is in use by another foreman`)
  })
  first.db.exec("INSERT INTO resident VALUES ('worker', 'a', 'm', 'd', 5)")
  first.close()
  open(t, dataDir)
})

test('a directory that another process has is refused, and free at once when that process is killed', async t => {
  const dataDir = newDir(t)
  const holder = await holderOf(t, dataDir)
  assert.throws(() => openStore(dataDir), DataDirInUseError)
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  open(t, dataDir)
})

test('tools that only read the database are not kept out', async t => {
  const dataDir = newDir(t)
  await holderOf(t, dataDir)
  const reader = new Database(join(dataDir, 'foreman.db'), { readonly: true })
  t.after(() => reader.close())
  assert.equal(reader.prepare('SELECT count(*) FROM job').pluck().get(), 0)
})

test('a place that cannot be a data directory is refused with the reason, and left unlocked', t => {
  const dir = temporaryDir(t)
  writeFileSync(join(dir, 'file'), 'not a directory')
  assert.throws(() => openStore(join(dir, 'file', 'data')), DataDirError)
  mkdirSync(join(dir, 'data'))
  writeFileSync(
    join(dir, 'data', 'foreman.db'),
    'not a database, but long enough to be taken for one'.repeat(50)
  )
  for (const _twice of [1, 2]) {
    assert.throws(() => openStore(join(dir, 'data')), {
      code: 'FOREMAN_DATA_DIR_UNUSABLE',
      message: /file is not a database/
    })
  }
})

test('a database of a newer foreman is refused and stays as it is', t => {
  const dataDir = newDir(t)
  const first = openStore(dataDir)
  first.db.pragma('user_version = 9000')
  first.close()
  assert.throws(() => openStore(dataDir), { message: /schema 9000, this foreman knows \d+/ })
  const raw = new Database(join(dataDir, 'foreman.db'))
  t.after(() => raw.close())
  assert.equal(raw.pragma('user_version', { simple: true }), 9000)
})

test('durably commits at FULL and goes back to NORMAL, whatever happens', t => {
  const { db } = open(t, newDir(t))
  const level = () => db.pragma('synchronous', { simple: true })
  assert.deepEqual([level(), durably(db, level), level()], [1, 2, 1])
  assert.throws(() => durably(db, () => assert.fail('inside')), /inside/)
  assert.equal(level(), 1)
})

test('durably inside a transaction is an error, since its level could not be changed there', t => {
  const { db } = open(t, newDir(t))
  assert.throws(
    db.transaction(() => durably(db, () => {})),
    /Safety level may not be changed inside a transaction/
  )
})

test('a full disk is a storage failure, a broken rule is none', t => {
  const { db } = open(t, newDir(t))
  const failure = (work: () => void) => {
    try {
      work()
    } catch (err) {
      return isStorageFailure(err)
    }
  }
  const insert = db.prepare('INSERT INTO resident VALUES (?, ?, ?, ?, 1)')
  // SQLite's own limit on the file, which it reports as it reports a full disk.
  db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`)
  assert.equal(
    failure(() => insert.run('worker', 'a'.repeat(1_000_000), 'm', 'd')),
    true
  )
  assert.equal(
    failure(() => insert.run('worker', null, 'm', 'd')),
    false
  )
  assert.equal(isStorageFailure(new Error('SQLITE_FULL')), false)
})
