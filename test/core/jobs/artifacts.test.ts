import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { migrate } from '../../../core/database/migrate.ts'
import { openStore } from '../../../core/database/open.ts'
import { Artifacts } from '../../../core/jobs/artifacts.ts'
import { BlobCleaner, blobNeed } from '../../../core/jobs/blob-cleaner.ts'
import { Blobs } from '../../../core/jobs/blobs.ts'
import { keepOutput } from '../../../core/jobs/keep-output.ts'
import { removeJob, sweep } from '../../../core/jobs/retention.ts'
import { insertJob } from '../../../core/jobs/rows.ts'
import { temporaryDir } from '../../helpers/foreman.ts'
import { answerOf, benchOn, newJob, rowsOf } from './fixtures.ts'
import { statementsOf } from './plans.ts'

const rules = { tombstoneMs: 1000 }
const digestOf = (text: string) => createHash('sha256').update(text).digest('hex')
const large = 'x'.repeat(256 * 1024 + 1)

const migrations = resolve(import.meta.dirname, '../../../core/database/migrations')
const none = Object.fromEntries(
  ['previousState', 'startBy', 'startedAt', 'firstTokenAt', 'error'].map(name => [name, null])
)
const zero = Object.fromEntries(
  ['version', 'eventSeq', 'attempt', 'ready', 'availableAt', 'dueAt'].map(name => [name, 0])
)
/** The columns of a job that ended at 100. */
const doneRow = {
  ...{ ...newJob(), ...none, ...zero, attached: 0, state: 'done' },
  ...{ createdAt: 50, finishedAt: 100, expiresAt: 1100 }
}

/** A store with blobs beside it. */
function openShelf(t: TestContext, now = () => 100) {
  const { db, close } = openStore(temporaryDir(t))
  const dir = join(temporaryDir(t), 'blobs')
  const blobs = new Blobs(dir, blobNeed(db))
  const cleaner = new BlobCleaner(db, blobs, err => assert.fail(String(err)))
  t.after(async () => {
    await cleaner.stop()
    close()
  })
  const has = (text: string) => existsSync(join(dir, digestOf(text).slice(0, 2), digestOf(text)))
  return { ...benchOn(db, now), blobs, cleaner, has }
}

type Shelf = ReturnType<typeof openShelf>

/** A job that is done with this answer. */
async function doneWith({ store, accept, blobs }: Shelf, text: string, retentionMs = 1000) {
  const working = store.move(accept({ retentionMs }), 'working')
  await keepOutput(blobs, answerOf(text), result => store.move(working, 'done', { result }))
  return store.get(working.id)!
}

/** An upload of `owner` that expires at 150. */
function upload({ blobs, store }: Shelf, text: string, owner = 'local') {
  const facts = { owner, contentType: 'image/png', filename: 'a.png', createdAt: 100, expiresAt: 150 }
  return blobs.write([Buffer.from(text)], blob => store.artifacts.addUpload({ ...facts, blob }))
}

test('a small answer lies in the database, a large one in a file', async t => {
  const shelf = openShelf(t)
  for (const [text, isInline] of [
    ['{}', true],
    [large.slice(1), true],
    [large, false]
  ] as const) {
    const job = await doneWith(shelf, text)
    const [output, ...others] = shelf.store.artifacts.ofJob(job.seq)
    assert.match(output!.id, /^art_[0-9a-z]{26}$/)
    assert.deepEqual(
      [output!.name, output!.role, output!.jobId, output!.contentType, output!.sizeBytes, output!.digest],
      ['completion', 'output', job.id, 'application/json', text.length, digestOf(text)]
    )
    assert.deepEqual([output!.createdAt, output!.expiresAt, others], [100, 1100, []])
    assert.equal(shelf.store.artifacts.body(output!)?.toString(), isInline ? text : undefined)
    assert.equal(shelf.has(text), !isInline)
  }
})

test('an end that cannot be stored leaves no file', async t => {
  const { store, accept, blobs, has } = openShelf(t)
  const working = store.move(accept(), 'working')
  const fail = () => {
    throw new Error('disk full')
  }
  await assert.rejects(keepOutput(blobs, answerOf(large), fail), /disk full/)
  assert.ok(!has(large))
  await keepOutput(blobs, undefined, result => store.move(working, 'done', { result }))
  assert.deepEqual(store.artifacts.ofJob(working.seq), [])
})

test('a file goes with the last job that has those bytes, whoever removes it', async t => {
  const shelf = openShelf(t)
  const [first, second] = [await doneWith(shelf, large, 10), await doneWith(shelf, large, 20)]
  assert.deepEqual(sweep(shelf.db, 110, rules), { removed: 1, more: false })
  await shelf.cleaner.stop()
  assert.ok(shelf.has(large))
  removeJob(shelf.db, second, 110)
  await shelf.cleaner.stop()
  assert.ok(!shelf.has(large))
  assert.deepEqual([shelf.store.get(first.id), rowsOf(shelf.db, 'artifact')], [undefined, []])
})

test('a file that cannot be removed is told of, and keeps no other', async t => {
  const { db, close } = openStore(temporaryDir(t))
  t.after(() => close())
  const dir = join(temporaryDir(t), 'blobs')
  const blobs = new Blobs(dir, blobNeed(db))
  const told: unknown[] = []
  const cleaner = new BlobCleaner(db, blobs, err => told.push(err))
  const { store } = benchOn(db)
  const facts = { owner: 'local', contentType: 'image/png', filename: null, createdAt: 1, expiresAt: 2 }
  const pathOf = (text: string) => join(dir, digestOf(text).slice(0, 2), digestOf(text))
  for (const text of ['stuck', 'free']) {
    await blobs.write([Buffer.from(text)], blob => store.artifacts.addUpload({ ...facts, blob }))
  }
  // What has a directory in its place is no file that could be removed.
  rmSync(pathOf('stuck'))
  mkdirSync(pathOf('stuck'))
  sweep(db, 2, rules)
  await cleaner.stop()
  assert.equal(told.length, 1)
  assert.deepEqual([existsSync(pathOf('stuck')), existsSync(pathOf('free'))], [true, false])
})

test('a removal that is rolled back takes no file', async t => {
  const shelf = openShelf(t)
  await doneWith(shelf, large)
  const fails = shelf.db.transaction(() => {
    shelf.db.exec('DELETE FROM artifact')
    throw new Error('never mind')
  })
  assert.throws(fails, /never mind/)
  await shelf.cleaner.stop()
  assert.ok(shelf.has(large))
})

test('an upload goes when its time is over, but not before the last job that uses it', async t => {
  const shelf = openShelf(t)
  const { store, accept, db } = shelf
  const [unused, used] = [await upload(shelf, 'unused'), await upload(shelf, 'used')]
  const jobs = [1, 2].map(() => accept({ inputs: [used.id, used.id] }))
  assert.deepEqual(store.artifacts.usedBy(jobs[0]!.seq), [{ ...used, expiresAt: null }])
  assert.ok(store.artifacts.isInUse(used) && !store.artifacts.isInUse(unused))
  sweep(db, 149, rules)
  assert.ok(store.artifacts.find(unused.id))
  sweep(db, 150, rules)
  assert.equal(store.artifacts.find(unused.id), undefined)
  const ended = jobs.map(job => store.move(store.move(job, 'working'), 'done'))
  assert.ok(!store.artifacts.isInUse(used), 'jobs that have ended do not keep anybody from deleting it')
  assert.ok(store.artifacts.find(used.id), 'but it is kept with them')
  removeJob(db, ended[0]!, 150)
  sweep(db, 150, rules)
  assert.ok(store.artifacts.find(used.id))
  removeJob(db, ended[1]!, 150)
  sweep(db, 150, rules)
  await shelf.cleaner.stop()
  assert.deepEqual([rowsOf(db, 'artifact'), rowsOf(db, 'artifact_use')], [[], []])
  assert.deepEqual([shelf.has('used'), shelf.has('unused')], [false, false])
})

test('many uploads go in batches', async t => {
  const shelf = openShelf(t)
  const facts = { owner: 'local', contentType: 'text/plain', filename: null, createdAt: 1, expiresAt: 2 }
  for (let n = 0; n < 600; n++) {
    shelf.store.artifacts.addUpload({ ...facts, blob: { digest: digestOf(String(n)), sizeBytes: 3 } })
  }
  assert.equal(shelf.store.artifacts.uploadedBytes('local'), 1800)
  assert.deepEqual(sweep(shelf.db, 2, rules), { removed: 0, more: true })
  assert.deepEqual(sweep(shelf.db, 2, rules), { removed: 0, more: false })
  assert.equal(rowsOf(shelf.db, 'artifact').length, 0)
})

test('an upload is known by owner and bytes, and lives on when it comes again', async t => {
  const shelf = openShelf(t)
  const { artifacts } = shelf.store
  const mine = await upload(shelf, 'same')
  const others = await upload(shelf, 'same', 'other')
  assert.notEqual(mine.id, others.id)
  assert.deepEqual(artifacts.uploaded('local', mine.digest), mine)
  assert.equal(artifacts.uploaded('nobody', mine.digest), undefined)
  assert.deepEqual([artifacts.uploadedBytes('local'), artifacts.uploadedBytes('nobody')], [4, 0])
  assert.equal(artifacts.keepUpload(mine, 500).expiresAt, 500)
  assert.equal(artifacts.keepUpload(mine, 400).expiresAt, 500)
  artifacts.remove(mine)
  await shelf.cleaner.stop()
  assert.ok(shelf.has('same'), 'the other owner has it still')
})

test('a job that refers to what was removed a moment ago is accepted, and its use is missed', async t => {
  const shelf = openShelf(t)
  const gone = await upload(shelf, 'gone')
  shelf.store.artifacts.remove(gone)
  const job = shelf.accept({ inputs: [gone.id] })
  assert.deepEqual(shelf.store.artifacts.usedBy(job.seq), [])
})

test('what a job made cannot be used as an input', async t => {
  const shelf = openShelf(t)
  const [output] = shelf.store.artifacts.ofJob((await doneWith(shelf, '{}')).seq)
  const job = shelf.accept({ inputs: [output!.id] })
  assert.deepEqual(rowsOf(shelf.db, 'artifact_use'), [])
  assert.equal(job.state, 'queued')
})

test('no question reads all artifacts, and no removal', t => {
  const { db } = openShelf(t)
  const prepared = statementsOf(db, () => {
    new Artifacts(db)
    blobNeed(db)
    sweep(db, 0, rules)
  })
  assert.ok(prepared.length > 15)
  for (const sql of [...prepared, 'DELETE FROM job WHERE seq = ?', 'DELETE FROM artifact WHERE seq = ?']) {
    const named = [...sql.matchAll(/@(\w+)/g)].map(([, name]) => [name, 0])
    const holes = named.length > 0 ? [Object.fromEntries(named)] : Array(sql.split('?').length - 1).fill(0)
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...holes) as { detail: string }[]
    for (const { detail } of plan) assert.doesNotMatch(detail, /^SCAN (artifact|artifact_use)\b/, sql)
  }
})

test('answers that an older foreman kept are artifacts after its migration', t => {
  const dir = temporaryDir(t)
  for (const step of ['0001-jobs.sql', '0002-async-jobs.sql'])
    copyFileSync(join(migrations, step), join(dir, step))
  const db = new Database(join(dir, 'old.db'))
  t.after(() => db.close())
  migrate(db, dir)
  const job = db.prepare(insertJob).run({ ...doneRow, id: 'job_01jd3zzzzzzzzzzzzzzzzzzzzz' })
  db.prepare('INSERT INTO job_result VALUES (?, ?)').run(job.lastInsertRowid, Buffer.from('{"done":true}'))
  migrate(db)
  const { artifacts } = benchOn(db).store
  const output = artifacts.find('art_01jd3zzzzzzzzzzzzzzzzzzzzz')!
  assert.deepEqual(artifacts.ofJob(Number(job.lastInsertRowid)), [output])
  assert.deepEqual(
    [output.owner, output.name, output.digest, output.sizeBytes, output.createdAt, output.expiresAt],
    ['local', 'completion', digestOf('{"done":true}'), 13, 100, 1100]
  )
  assert.equal(String(artifacts.body(output)), '{"done":true}')
})
