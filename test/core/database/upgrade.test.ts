/**
 * Every older database, as a foreman of its day left it when it was killed, under the foreman of today: nothing is lost
 * that was accepted, and all that was told stays true.
 */
import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { migrate, newestSchema } from '../../../core/database/migrate.ts'
import {
  keepForLong,
  keyedBody,
  layRecord,
  models,
  picture,
  recordedSchemas,
  type Told,
  toldOf
} from '../../fixtures/databases/records.ts'
import { spawnForeman, temporaryDir } from '../../helpers/foreman.ts'
import { fetchBytes } from '../../plugins/artifacts/stage.ts'
import { speaker } from '../../plugins/jobs/stage.ts'
import { assertWhole } from '../../strength/support/invariants.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'

const builtIn = join(import.meta.dirname, '../../../core/database/migrations')

/** A folder with the migrations up to this one. */
function migrationsUpTo(t: TestContext, schema: number): string {
  const dir = temporaryDir(t)
  for (const name of readdirSync(builtIn)) {
    if (Number(name.slice(0, 4)) <= schema) cpSync(join(builtIn, name), join(dir, name))
  }
  return dir
}

/** A data directory of this schema: its record, or, where that schema never left a checkout, the one before brought there. */
function layDataDir(t: TestContext, schema: number): { dataDir: string; told: Told } {
  const dataDir = temporaryDir(t)
  const nearest = recordedSchemas().findLast(recorded => recorded <= schema)!
  const { told, db } = layRecord(nearest, dataDir)
  migrate(db, migrationsUpTo(t, schema))
  db.close()
  return { dataDir, told }
}

type Speaker = ReturnType<typeof speaker>

async function assertKept({ ask, ended }: Speaker, told: Told): Promise<void> {
  for (const { id, state, result } of told.ended) {
    const { body } = await ask('GET', `/jobs/${id}`)
    assert.deepEqual([body.id, body.state, body.result], [id, state, result])
  }
  for (const id of told.waiting) {
    const job = await ended(id)
    assert.equal(job.state, 'done', JSON.stringify(job.error))
    assert.ok(job.result)
  }
}

async function assertKeyHolds({ ask }: Speaker, { keyed }: Told): Promise<void> {
  if (keyed === undefined) return
  const headers = { 'idempotency-key': keyed.key }
  const again = await ask('POST', '/jobs', { body: keyedBody, headers })
  assert.deepEqual([again.status, again.body.id], [200, keyed.id])
}

async function assertUploadIsThere(url: string, { upload }: Told): Promise<void> {
  if (upload === undefined) return
  const { bytes } = await fetchBytes(`${url}/artifacts/${upload}/content`)
  assert.ok(bytes.equals(picture))
}

for (let schema = 1; schema <= newestSchema(); schema++) {
  test(`a database of schema ${schema} is opened: every job is kept, those that waited run`, async t => {
    const { dataDir, told } = layDataDir(t, schema)
    const fake = await startFake(t, { models })
    const settings = withShortPauses({ retention: keepForLong })
    const foreman = await spawnForeman(t, { target: fake.url, dataDir, settings })
    const words = speaker(foreman.url)
    await assertKept(words, told)
    await assertKeyHolds(words, told)
    await assertUploadIsThere(foreman.url, told)
    assertWhole(dataDir)
    const brought = `the database was brought from schema ${schema} to ${newestSchema()}`
    const isTold = foreman.logs.some(({ msg }) => msg?.startsWith(brought))
    assert.equal(isTold, schema < newestSchema())
  })
}

for (const schema of recordedSchemas().filter(recorded => toldOf(recorded).token !== undefined)) {
  test(`a token of schema ${schema} is good after the upgrade`, async t => {
    const { dataDir, told } = layDataDir(t, schema)
    const fake = await startFake(t, { models })
    const settings = withShortPauses({ retention: keepForLong, plugins: { auth: {} } })
    const { url } = await spawnForeman(t, { target: fake.url, dataDir, settings })
    const whoami = await fetch(`${url}/whoami`, { headers: { authorization: `Bearer ${told.token}` } })
    assert.equal(whoami.status, 200)
    assert.equal(((await whoami.json()) as { name: string }).name, 'laptop')
  })
}

for (const schema of recordedSchemas()) {
  test(`the migrations up to ${schema} still make the database that they made`, t => {
    const recorded = layRecord(schema, temporaryDir(t)).db
    const made = new Database(':memory:')
    t.after(() => [recorded, made].map(db => db.close()))
    migrate(made, migrationsUpTo(t, schema))
    assert.deepEqual(schemaTextOf(recorded), schemaTextOf(made))
  })
}

function schemaTextOf(db: Database.Database): unknown[] {
  return db
    .prepare(
      "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    .all()
}

test('the newest schema has a record, which its successors are held against', () => {
  assert.equal(
    recordedSchemas().at(-1),
    newestSchema(),
    'a migration is new: run node test/fixtures/databases/record.ts'
  )
})

test('a database of a newer foreman stops the start, says what to do, and stays as it is', async t => {
  const { dataDir } = layDataDir(t, newestSchema())
  const file = join(dataDir, 'foreman.db')
  const db = new Database(file)
  db.exec('CREATE TABLE of_tomorrow (x)')
  db.pragma('user_version = 9000')
  db.close()
  await assert.rejects(spawnForeman(t, { target: 'http://127.0.0.1:9', dataDir }), {
    message: new RegExp(
      `exit 1.*database '${file}' has schema 9000, this foreman knows ${newestSchema()}: use a newer foreman, or to go back`
    )
  })
  assert.equal(existsSync(`${file}-wal`), false)
  const after = new Database(file, { readonly: true })
  t.after(() => after.close())
  assert.equal(after.pragma('user_version', { simple: true }), 9000)
  assert.equal(after.pragma('integrity_check', { simple: true }), 'ok')
})
