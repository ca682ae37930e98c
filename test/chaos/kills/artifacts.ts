/** Holds the rows of artifacts against the files beside the database. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import type { Ledger } from './ledger.ts'

/** Digests of files that no row points to. A crash leaves some; they are swept after an hour. */
export function orphansOf(dataDir: string, db: Database): ReadonlySet<string> {
  const needed = new Set(db.prepare('SELECT digest FROM artifact WHERE body IS NULL').pluck().all())
  return new Set(filesIn(dataDir).filter(digest => !needed.has(digest)))
}

/** @throws {AssertionError} where a row has no whole file, a done job no answer, or an upload is lost */
export function assertArtifacts(dataDir: string, db: Database, ledger: Ledger): void {
  const blobs = db
    .prepare('SELECT DISTINCT digest FROM artifact WHERE body IS NULL')
    .pluck()
    .all() as string[]
  const files = new Set(filesIn(dataDir))
  for (const digest of blobs) {
    assert.ok(files.has(digest), `no file for ${digest}`)
    // A file never changes, so one look at its bytes is enough.
    if (ledger.wholeFiles.has(digest)) continue
    assert.equal(sha256(readFileSync(pathOf(dataDir, digest))), digest, 'the file is not what its name says')
    ledger.wholeFiles.add(digest)
  }
  const small = db.prepare('SELECT digest, body FROM artifact WHERE body IS NOT NULL').all() as {
    digest: string
    body: Buffer
  }[]
  for (const { digest, body } of small) assert.equal(sha256(body), digest)
  const answerless = db.prepare(
    "SELECT id FROM job WHERE state = 'done' AND seq NOT IN (SELECT job_seq FROM artifact WHERE job_seq IS NOT NULL)"
  )
  assert.deepEqual(answerless.pluck().all(), [], 'done, and no answer is kept')
  const there = new Set(db.prepare('SELECT id FROM artifact WHERE job_seq IS NULL').pluck().all())
  for (const id of ledger.keptUploads) assert.ok(there.has(id), `upload ${id} was acknowledged and is lost`)
}

function filesIn(dataDir: string): string[] {
  const blobs = join(dataDir, 'blobs')
  if (!existsSync(blobs)) return []
  return readdirSync(blobs)
    .filter(name => name !== 'incoming')
    .flatMap(prefix => readdirSync(join(blobs, prefix)))
}

function pathOf(dataDir: string, digest: string): string {
  return join(dataDir, 'blobs', digest.slice(0, 2), digest)
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
