/**
 * Opens the one SQLite database of a data directory, and keeps other foremen out of it.
 *
 * Commits are at `synchronous = NORMAL`: they survive the death of the process at any instant. What must
 * survive a power cut too goes through {@link durably} (https://www.sqlite.org/pragma.html#pragma_synchronous).
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import createError from '@fastify/error'
import Database from 'better-sqlite3'
import { startCheckpointer } from './checkpointer.ts'
import { migrate, newestSchema, SchemaTooNewError, schemaOf } from './migrate.ts'
import { keepPrivate } from './private-dir.ts'
import { SecretKeyError, Secrets } from './secret.ts'

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
  readonly secrets: Secrets
  /** What the operator should know of the directory, a sentence each. */
  readonly notices: readonly string[]
  /** Closes the database, then gives the directory free. */
  close(): void
}

/**
 * Opens `<dataDir>/foreman.db`, made and migrated where needed, in a directory that is for its owner alone.
 * @param keyFile what seals the secrets; defaults to `<dataDir>/secret.key`
 * @throws {DataDirInUseError} while another process holds the directory
 * @throws {DataDirError} when it cannot be written
 * @throws {SchemaTooNewError} when a newer foreman wrote the database
 * @throws {SecretKeyError} where the key file is not that of the secrets
 */
export function openStore(dataDir: string, keyFile = keyFileOf(dataDir)): Store {
  let lock: Database.Database | undefined
  let db: Database.Database | undefined
  try {
    const notices = keepPrivate(dataDir)
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
    lock = takeLock(dataDir)
    const opened = openDatabase(join(dataDir, 'foreman.db'))
    db = opened.db
    const secrets = new Secrets(db, keyFile)
    return { db, secrets, notices: [...notices, ...opened.notices], close: closer(db, lock) }
  } catch (err) {
    db?.close()
    lock?.close()
    if (ownErrors.some(own => err instanceof own)) throw err
    throw new DataDirError(dataDir, (err as Error).message)
  }
}

/** Those that say themselves what to do. */
const ownErrors = [DataDirInUseError, SchemaTooNewError, SecretKeyError]

function keyFileOf(dataDir: string): string {
  return join(dataDir, 'secret.key')
}

function closer(db: Database.Database, lock: Database.Database): () => void {
  const stopCheckpoints = startCheckpointer(db)
  return () => {
    stopCheckpoints()
    db.close()
    lock.close()
  }
}

/**
 * Opens the database of `dataDir` beside the foreman that may be using it, for a command that is over at once. Where it is
 * not made or not of this schema yet, the directory must be free for that moment.
 * @throws {DataDirInUseError} {DataDirError} {SecretKeyError} as {@link openStore}
 */
export function openBeside(dataDir: string, keyFile = keyFileOf(dataDir)): Omit<Store, 'notices'> {
  const file = join(dataDir, 'foreman.db')
  if (!existsSync(file) || !isCurrent(file)) openStore(dataDir, keyFile).close()
  const { db } = openDatabase(file)
  return { db, secrets: new Secrets(db, keyFile), close: () => db.close() }
}

function isCurrent(file: string): boolean {
  const db = new Database(file, { readonly: true })
  try {
    return schemaOf(db) === newestSchema()
  } finally {
    db.close()
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

function openDatabase(path: string): Pick<Store, 'db' | 'notices'> {
  const db = new Database(path)
  try {
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL')
    db.pragma('foreign_keys = ON')
    db.pragma('busy_timeout = 5000')
    const before = migrate(db)
    return { db, notices: upgradeNotices(before, schemaOf(db)) }
  } catch (err) {
    db.close()
    throw err
  }
}

function upgradeNotices(from: number, to: number): string[] {
  if (from === 0 || from === to) return []
  return [`the database was brought from schema ${from} to ${to}: an older foreman cannot use it any more`]
}
