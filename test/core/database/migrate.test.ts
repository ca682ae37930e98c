import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { migrate } from '../../../core/database/migrate.ts'
import { temporaryDir } from '../../helpers/foreman.ts'

function emptyDatabase(t: TestContext): Database.Database {
  const db = new Database(join(temporaryDir(t), 'test.db'))
  t.after(() => db.close())
  return db
}

/** A folder of migrations; text by file name. */
function stepsIn(t: TestContext, files: Readonly<Record<string, string>>): string {
  const dir = temporaryDir(t)
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(dir, name), sql)
  return dir
}

const versionOf = (db: Database.Database) => db.pragma('user_version', { simple: true })
const tablesOf = (db: Database.Database) =>
  db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()

test('steps run in the order of their numbers, and each once', t => {
  const db = emptyDatabase(t)
  const steps = {
    '0002-second.sql': "INSERT INTO done VALUES ('second')",
    '0001-first.sql': "CREATE TABLE done (step TEXT); INSERT INTO done VALUES ('first')",
    '0003-third.sql': "INSERT INTO done VALUES ('third')"
  }
  migrate(db, stepsIn(t, steps))
  const done = () => db.prepare('SELECT step FROM done ORDER BY rowid').pluck().all()
  assert.deepEqual([done(), versionOf(db)], [['first', 'second', 'third'], 3])
  migrate(db, stepsIn(t, { ...steps, '0004-fourth.sql': "INSERT INTO done VALUES ('fourth')" }))
  assert.deepEqual([done(), versionOf(db)], [['first', 'second', 'third', 'fourth'], 4])
})

test('files that are no numbered step are left alone', t => {
  const db = emptyDatabase(t)
  const dir = stepsIn(t, {
    '0001-a.sql': 'CREATE TABLE a (x)',
    'README.md': 'no',
    '2-b.sql': 'no',
    '0002-c.sql~': 'no'
  })
  migrate(db, dir)
  assert.deepEqual([tablesOf(db), versionOf(db)], [['a'], 1])
})

test('a step that fails leaves nothing of itself, and the steps before it stay', t => {
  const db = emptyDatabase(t)
  const first = { '0001-a.sql': 'CREATE TABLE a (x)' }
  const broken = stepsIn(t, {
    ...first,
    '0002-b.sql': 'CREATE TABLE b (x); INSERT INTO b VALUES (1); INSERT INTO nowhere VALUES (1)'
  })
  assert.throws(() => migrate(db, broken), /no such table: nowhere/)
  assert.deepEqual([tablesOf(db), versionOf(db), db.inTransaction], [['a'], 1, false])
  migrate(db, stepsIn(t, { ...first, '0002-b.sql': 'CREATE TABLE b (x)' }))
  assert.deepEqual([tablesOf(db), versionOf(db)], [['a', 'b'], 2])
})

test('a database with more steps than are known is refused untouched', t => {
  const db = emptyDatabase(t)
  const dir = stepsIn(t, { '0001-a.sql': 'CREATE TABLE a (x)' })
  db.pragma('user_version = 2')
  assert.throws(() => migrate(db, dir), { message: /schema 2, this foreman knows 1: use a newer foreman/ })
  assert.deepEqual([tablesOf(db), versionOf(db)], [[], 2])
})

test("foreman's own steps build every table, and run once", t => {
  const db = emptyDatabase(t)
  migrate(db)
  const tables = tablesOf(db)
  for (const table of ['job', 'job_request', 'artifact', 'event', 'tombstone', 'swap', 'resident']) {
    assert.ok(tables.includes(table), table)
  }
  const before = [tables, versionOf(db)]
  migrate(db)
  assert.deepEqual([tablesOf(db), versionOf(db)], before)
})
