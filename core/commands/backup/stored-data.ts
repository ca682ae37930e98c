/** What a data directory, or a copy of one, has in it: names of files, and what its database says of the rest. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { newestSchema, schemaOf } from '../../database/migrate.ts'
import { CommandError } from '../../plugin-loader.ts'

/** The database in a directory. */
export const databaseIn = (dir: string) => join(dir, 'foreman.db')

/** The file of a blob in a directory. */
export const blobIn = (dir: string, digest: string) => join(dir, 'blobs', digest.slice(0, 2), digest)

/** A file beside the database that its rows need. */
export interface NeededBlob {
  /** SHA-256 in hex. */
  readonly digest: string
  readonly sizeBytes: number
}

/** Opens the database of a directory to read it. @throws {CommandError} where there is none, or not one for this foreman */
export function openToRead(dir: string): Database.Database {
  const file = databaseIn(dir)
  if (!existsSync(file)) throw new CommandError(`there is no foreman.db in '${dir}'`)
  const db = new Database(file, { readonly: true })
  try {
    const schema = schemaOf(db)
    if (schema <= newestSchema()) return db
    throw new CommandError(
      `'${file}' has schema ${schema}, this foreman knows ${newestSchema()}: use the one that wrote it`
    )
  } catch (err) {
    db.close()
    if (err instanceof Database.SqliteError)
      throw new CommandError(`'${file}' cannot be read: ${err.message}`)
    throw err
  }
}

/** The blobs that the rows of a database need. */
export function neededBlobs(db: Database.Database): NeededBlob[] {
  return has(db, 'artifact')
    ? (db
        .prepare(
          'SELECT digest, max(size_bytes) AS sizeBytes FROM artifact WHERE body IS NULL GROUP BY digest'
        )
        .all() as NeededBlob[])
    : []
}

/** How many jobs there are. */
export function jobCount(db: Database.Database): number {
  return db.prepare('SELECT count(*) FROM job').pluck().get() as number
}

/** Whether there are secrets that a key file opens. A database that is old enough has them in clear, or none. */
export function hasSealed(db: Database.Database): boolean {
  const isSealing = db.prepare("SELECT 1 FROM pragma_table_info('secret') WHERE name = 'sealed'").get()
  return isSealing !== undefined && db.prepare('SELECT 1 FROM secret LIMIT 1').get() !== undefined
}

function has(db: Database.Database, table: string): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table) !== undefined
}
