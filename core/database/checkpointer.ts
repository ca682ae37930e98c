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
/** Before this time there is little to move, and a process that ends sooner needs no thread. */
const startAfterMs = 1000
/** A checkpoint that is under way at the end lasts as long as the disk needs; longer than this nobody waits. */
const endWithinMs = 10_000
const threadFile = join(import.meta.dirname, 'checkpoint-thread.mjs')

/**
 * Takes the checkpoints of `db` away from its commits.
 * @returns what ends the thread. It waits until the thread is out of SQLite: Node breaks off a thread that is left
 *   when the process exits, and an addon that is broken off inside a call aborts the whole process.
 */
export function startCheckpointer(db: Database): () => void {
  db.pragma(`wal_autocheckpoint = ${lastResortPages}`)
  const ended = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  let thread: Worker | undefined
  const starting = setTimeout(() => {
    thread = new Worker(threadFile, { workerData: { file: db.name, ended } })
    thread.unref()
  }, startAfterMs)
  starting.unref()
  return () => {
    clearTimeout(starting)
    if (thread === undefined) return
    thread.postMessage('stop')
    Atomics.wait(ended, 0, 0, endWithinMs)
  }
}
