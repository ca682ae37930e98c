/**
 * Moves the write-ahead log into the database file on a thread of its own.
 *
 * At `synchronous = NORMAL` a commit never waits for the disk, but a checkpoint does, and SQLite would make one
 * inside every so manieth commit: all callers would wait for it. A passive checkpoint from another connection
 * keeps nobody from writing (https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files).
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

/** Pause between two checkpoints: a busy minute leaves a log of a few MB. */
const pauseMs = 1000
/** Pages after which a commit makes a checkpoint itself, should the thread not keep up: 64 MB. */
const lastResortPages = 16_384

/** Takes the checkpoints of `db` away from its commits. @returns what ends the thread, after a last checkpoint */
export function startCheckpointer(db: Database.Database): () => void {
  db.pragma(`wal_autocheckpoint = ${lastResortPages}`)
  const thread = new Worker(import.meta.filename, { workerData: db.name })
  thread.unref()
  return () => thread.postMessage('stop')
}

function runThread(path: string): void {
  const db = new Database(path, { fileMustExist: true })
  const timer = setInterval(() => checkpoint(db), pauseMs)
  parentPort?.once('message', () => {
    clearInterval(timer)
    db.close()
  })
}

// An error left alone here would end the process. A full disk is met by the commits as well, which tell of it, and
// there may be room at the next time.
function checkpoint(db: Database.Database): void {
  try {
    db.pragma('wal_checkpoint(PASSIVE)')
  } catch (err) {
    if (!(err instanceof Database.SqliteError)) throw err
  }
}

if (!isMainThread && typeof workerData === 'string') runThread(workerData)
