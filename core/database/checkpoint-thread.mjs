/**
 * The thread of `checkpointer.ts`. JavaScript, because the stripping of types would cost each thread 17 MB of memory.
 */
import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

/** Pause between two checkpoints: a busy minute leaves a log of a few MB. */
const pauseMs = 1000

const { file, ended } = workerData
let db
const timer = setInterval(checkpoint, pauseMs)
parentPort?.once('message', () => {
  clearInterval(timer)
  db?.close()
})
// However it ends, the one that waits for it goes on.
process.once('exit', () => {
  Atomics.store(ended, 0, 1)
  Atomics.notify(ended, 0)
})
checkpoint()

// An error left alone here would end the process. A full disk is met by the commits as well, which tell of it, and
// there may be room at the next time.
function checkpoint() {
  try {
    db ??= new Database(file, { fileMustExist: true })
    db.pragma('wal_checkpoint(PASSIVE)')
  } catch (err) {
    if (!(err instanceof Database.SqliteError)) throw err
  }
}
