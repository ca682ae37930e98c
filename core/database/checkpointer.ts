/**
 * Moves the write-ahead log into the database file on a thread of its own.
 *
 * At `synchronous = NORMAL` a commit never waits for the disk, but a checkpoint does, and SQLite would make one
 * inside every so manieth commit: all callers would wait for it. A passive checkpoint from another connection
 * keeps nobody from writing (https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files).
 */
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Database } from 'better-sqlite3'

/** Pages after which a commit makes a checkpoint itself, should the thread not keep up: 64 MB. */
const lastResortPages = 16_384
const threadFile = join(import.meta.dirname, 'checkpoint-thread.mjs')

/** Takes the checkpoints of `db` away from its commits. @returns what ends the thread, after a last checkpoint */
export function startCheckpointer(db: Database): () => void {
  db.pragma(`wal_autocheckpoint = ${lastResortPages}`)
  const thread = new Worker(threadFile, { workerData: db.name })
  thread.unref()
  return () => thread.postMessage('stop')
}
