/**
 * Writes a copy of a data directory: the database as it is at one moment, then the blobs that its rows need. A blob is
 * there before its first row and goes after its last, so in this order none is missed but those that are removed meanwhile.
 */
import { chmodSync, copyFileSync, existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { CommandError } from '../../plugin-loader.ts'
import type { Settings } from '../../settings.ts'
import { type CopiedBlobs, copyBlobs } from './copy-blobs.ts'
import { flush, flushTree } from './flush.ts'
import { databaseIn, hasSealed, jobCount, openToRead } from './stored-data.ts'

/** Pages that are copied before anything else of this process gets its turn: 4 MB. */
const pagesAtOnce = 1000
const ownerOnly = 0o600

/** What a copy has in it. */
export interface Copied extends CopiedBlobs {
  readonly jobs: number
  readonly databaseBytes: number
  /** `none`: nothing is sealed yet. */
  readonly key: 'copied' | 'left' | 'none'
}

/** Where the data is: what `foreman serve` would use. */
export type DataPlace = Pick<Settings, 'data_dir' | 'secret_key_file'>

/**
 * Copies the data directory to `dir`, which is there and whole when this returns, or not there.
 * @throws {CommandError} where there is nothing to copy, `dir` is there already, or it cannot be written
 */
export async function writeCopy(place: DataPlace, dir: string, withKey: boolean): Promise<Copied> {
  const target = resolve(dir)
  if (existsSync(target)) throw new CommandError(`'${dir}' is there already; a copy is a new directory`)
  const source = openToRead(place.data_dir)
  let temporary: string | undefined
  try {
    // Beside its place, so that a rename brings it there. It is for its owner alone from the first.
    temporary = mkdtempSync(join(dirname(target), `.${basename(target)}.incomplete-`))
    const copied = await fill(temporary, source, place, withKey)
    flushTree(temporary)
    renameSync(temporary, target)
    flush(dirname(target))
    return copied
  } catch (err) {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true })
    if (err instanceof CommandError) throw err
    throw new CommandError(`'${dir}' could not be written: ${(err as Error).message}`)
  } finally {
    source.close()
  }
}

async function fill(
  dir: string,
  source: Database.Database,
  place: DataPlace,
  withKey: boolean
): Promise<Copied> {
  await copyDatabase(source, databaseIn(dir))
  const copy = new Database(databaseIn(dir))
  let blobs: CopiedBlobs
  let jobs: number
  let sealed: boolean
  try {
    // One file that is whole by itself, and can be read where nothing can be written. A start makes it WAL again.
    copy.pragma('journal_mode = DELETE')
    copy.pragma('foreign_keys = ON')
    blobs = await copyBlobs(place.data_dir, dir, copy, source)
    jobs = jobCount(copy)
    sealed = hasSealed(copy)
  } finally {
    copy.close()
  }
  if (sealed && withKey) copyKey(place, dir)
  const key = sealed ? (withKey ? 'copied' : 'left') : 'none'
  return { jobs, databaseBytes: statSync(databaseIn(dir)).size, ...blobs, key }
}

/** The database as it is at the begin of this call, whatever is written meanwhile. */
async function copyDatabase(source: Database.Database, file: string): Promise<void> {
  // Without a snapshot that is held, SQLite begins again with the first page after each commit of another process, and
  // is never done under load (https://www.sqlite.org/c3ref/backup_finish.html#sqlite3backupstep).
  source.exec('BEGIN')
  try {
    source.prepare('SELECT count(*) FROM sqlite_schema').get()
    await source.backup(file, { progress: () => pagesAtOnce })
    chmodSync(file, ownerOnly)
  } finally {
    source.exec('COMMIT')
  }
}

function copyKey({ data_dir, secret_key_file }: DataPlace, dir: string): void {
  const file = secret_key_file ?? join(data_dir, 'secret.key')
  try {
    copyFileSync(file, join(dir, 'secret.key'))
  } catch (err) {
    throw new CommandError(`the key file '${file}' could not be copied: ${(err as Error).message}`)
  }
}
