import assert from 'node:assert/strict'
import { mkdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DiskUse } from '../../../core/database/disk-use.ts'
import { openStore } from '../../../core/database/open.ts'
import { temporaryDir } from '../../helpers/foreman.ts'

function open(t: TestContext) {
  const dir = temporaryDir(t)
  const { db, close } = openStore(dir)
  t.after(close)
  return { dir, db }
}

test('pages in use and the log count, freed pages do not', t => {
  const { dir, db } = open(t)
  db.exec('CREATE TABLE filler (bytes BLOB)')
  const use = new DiskUse(db, dir)
  const before = use.takenBytes()
  assert.ok(before >= statSync(join(dir, 'foreman.db-wal')).size)
  db.prepare('INSERT INTO filler VALUES (zeroblob(1000000))').run()
  const filled = use.takenBytes()
  // Some of them were free already.
  assert.ok(filled - before >= 9e5 && filled - before < 1.1e6, `${filled - before}`)
  db.exec('DELETE FROM filler')
  assert.ok(use.takenBytes() - before < 1e5)
})

test('blobs are counted beside everything else, at any depth', async t => {
  const { dir, db } = open(t)
  const use = new DiskUse(db, dir)
  mkdirSync(join(dir, 'blobs', 'ab'), { recursive: true })
  writeFileSync(join(dir, 'blobs', 'ab', 'x'), Buffer.alloc(300_000))
  writeFileSync(join(dir, 'blobs', 'y'), Buffer.alloc(200_000))
  const first = use.takenBytes()
  // The count that the first look began takes a moment.
  while (use.takenBytes() < first + 500_000) await new Promise(resolve => setImmediate(resolve))
  assert.equal(use.takenBytes() - first, 500_000)
})

test('the disk is looked at once a second at most', t => {
  const { dir, db } = open(t)
  const use = new DiskUse(db, dir)
  const { blocks, bsize } = statfsSync(dir)
  const { freeBytes, totalBytes } = use.space()
  assert.equal(totalBytes, blocks * bsize)
  assert.ok(freeBytes > 0 && freeBytes <= totalBytes)
  const gone = new DiskUse(db, join(dir, 'none'))
  assert.throws(() => gone.space(), { code: 'ENOENT' })
  mkdirSync(join(dir, 'none'))
  const found = gone.space()
  rmSync(join(dir, 'none'), { recursive: true })
  assert.equal(gone.space(), found)
})
