/**
 * Opens the one SQLite database of a data directory, and keeps other foremen out of it.
 *
 * Commits are at `synchronous = NORMAL`: they survive the death of the process at any instant. What must
 * survive a power cut too goes through {@link durably} (https://www.sqlite.org/pragma.html#pragma_synchronous).
 */
import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import createError from '@fastify/error'
import Database from 'better-sqlite3'
import { startCheckpointer } from './checkpointer.ts'
import { migrate } from './migrate.ts'

/** The database is in use by another foreman. The process exits with 2. */
export const DataDirInUseError = createError(
  'FOREMAN_DATA_DIR_IN_USE',
  "the data directory '%s' is in use by another foreman; give this one a data_dir of its own"
)

/** The data directory cannot be made, written or read. The process exits with 1. */
export const DataDirError = createError(
  'FOREMAN_DATA_DIR_UNUSABLE',
  "the data directory '%s' cannot be used (%s); make it writable for the user that runs foreman, or set data_dir"
)

/** errno(3): full, over quota, read-only, broken. */
const storageCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'])

/** An open database and the lock on its directory. */
export interface Store {
  readonly db: Database.Database
  /** Closes the database, then gives the directory free. */
  close(): void
}

/**
 * Opens `<dataDir>/foreman.db`, made and migrated where needed. A directory that is made here
 * gets mode 0700.
 * @throws {DataDirInUseError} while another process holds the directory
 * @throws {DataDirError} when it cannot be written
 */
export function openStore(dataDir: string): Store {
  let lock: Database.Database | undefined
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
    lock = takeLock(dataDir)
    const held = lock
    const db = openDatabase(join(dataDir, 'foreman.db'))
    const stopCheckpoints = startCheckpointer(db)
    return {
      db,
      close: () => {
        stopCheckpoints()
        db.close()
        held.close()
      }
    }
  } catch (err) {
    lock?.close()
    if (err instanceof DataDirInUseError) throw err
    throw new DataDirError(dataDir, (err as Error).message)
  }
}

/** Runs `commit` so that what it commits is on the disk, and not only with the system, when it returns. */
export function durably<T>(db: Database.Database, commit: () => T): T {
  db.pragma('synchronous = FULL')
  try {
    return commit()
  } finally {
    db.pragma('synchronous = NORMAL')
  }
}

/** True for SQLite's and the system's words for a full or unwritable disk. */
export function isStorageFailure(err: unknown): boolean {
  if (err instanceof Database.SqliteError) return /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN)/.test(err.code)
  return err instanceof Error && storageCodes.has((err as NodeJS.ErrnoException).code ?? '')
}

// A lock of SQLite's own on a file beside the database: the system drops it when the process dies, however it
// dies, and tools that only read the database are not kept out.
function takeLock(dataDir: string): Database.Database {
  const lock = new Database(join(dataDir, 'foreman.lock'), { timeout: 0 })
  try {
    lock.pragma('journal_mode = DELETE')
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (err) {
    lock.close()
    if (err instanceof Database.SqliteError && err.code.startsWith('SQLITE_BUSY')) {
      throw new DataDirInUseError(dataDir)
    }
    throw err
  }
}

function openDatabase(path: string): Database.Database {
  const db = new Database(path)
  try {
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL')
    db.pragma('foreign_keys = ON')
    db.pragma('busy_timeout = 5000')
    migrate(db)
    return db
  } catch (err) {
    db.close()
    throw err
  }
}
