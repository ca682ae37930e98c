/** The database of the data directory: its schema, its pages, its log and what opens its secrets. */
import { execFile } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { DiskUse } from '../../database/disk-use.ts'
import { newestSchema, schemaOf } from '../../database/migrate.ts'
import { Secrets } from '../../database/secret.ts'
import type { Settings } from '../../settings.ts'
import { databaseIn, hasSealed, neededBlobs } from '../backup/stored-data.ts'
import { amiss, type Finding, well } from './finding.ts'
import { isFault } from './report.ts'

const megabyte = 1e6
const largeLogBytes = 256 * megabyte
const readWithinMs = 20_000
const forOthers = 0o077

/** What was seen of the database. */
export interface SeenDatabase {
  readonly findings: readonly Finding[]
  /** To read, where it is there, whole and of this foreman's schema. The caller closes it. */
  readonly db: Database.Database | undefined
}

/**
 * Looks at `foreman.db` and at the key. Where there is none yet there is nothing to tell.
 * @param checkWithinMs longest reading of all its pages; defaults to 20 s
 */
export async function examineDatabase(
  settings: Settings,
  inUse: boolean | undefined,
  checkWithinMs = readWithinMs
): Promise<SeenDatabase> {
  const file = databaseIn(settings.data_dir)
  // Of no bytes: a start was broken off before its first table.
  if (!existsSync(file) || statSync(file).size === 0) return { findings: [], db: undefined }
  const logBytes = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size
  const findings: Finding[] = []
  let db: Database.Database | undefined
  try {
    db = openQuietly(file, logBytes !== undefined)
    const schema = schemaOf(db)
    findings.push(await readThrough(file, checkWithinMs), judgeSchema(schema), ...logSize(logBytes, inUse))
    if (!findings.some(isFault)) findings.push(...quota(db, settings), ...key(db, settings))
    // Rows of another schema are not the doctor's to read.
    if (schema === newestSchema() && !findings.some(({ code }) => code === 'data.broken'))
      return { findings, db }
  } catch (err) {
    if (!(err instanceof Database.SqliteError)) throw err
    findings.push(err.code.startsWith('SQLITE_CANTOPEN') ? closed(file, err) : broken(err.message))
  }
  db?.close()
  return { findings, db: undefined }
}

/**
 * A reader leaves a log and its index behind that it had to make; who may write takes them away again at the end. Where a
 * log is there already, that would move it into the database, so there it is only read.
 */
function openQuietly(file: string, hasLog: boolean): Database.Database {
  if (hasLog) return new Database(file, { readonly: true })
  const db = new Database(file)
  db.pragma('query_only = ON')
  return db
}

async function readThrough(file: string, timeout: number): Promise<Finding> {
  const script = join(import.meta.dirname, 'quick-check.ts')
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script, file], { timeout })
    const found = stdout.trim()
    return found === 'ok'
      ? well('data.sound', 'the pages of the database are sound')
      : broken(found.split('\n').join('; '))
  } catch (err) {
    const { killed, stderr } = err as { killed?: boolean; stderr?: string }
    if (killed !== true) return broken(/SqliteError: (.*)/.exec(stderr ?? '')?.[1] ?? (err as Error).message)
    const seen = `the database is too large to be read through within ${timeout / 1000} s`
    return amiss(
      'data.not_read_through',
      seen,
      'check a copy: foreman backup DIR, then foreman backup --check DIR'
    )
  }
}

function broken(what: string): Finding {
  const mend = 'stop foreman, keep the directory as it is, and restore a backup (docs/backup.md)'
  return amiss('data.broken', `the database is damaged: ${what}`, mend)
}

function closed(file: string, err: Error): Finding {
  const mend = 'give it to the user that runs foreman, and run the doctor as that user'
  return amiss('data.unusable', `${file} cannot be used: ${err.message}`, mend)
}

function judgeSchema(schema: number): Finding {
  const newest = newestSchema()
  if (schema === newest)
    return well('data.schema_current', `the database has schema ${schema}, that of this foreman`)
  if (schema < newest) {
    const seen = `the database has schema ${schema}; the next start brings it to ${newest}, and then an older foreman cannot use it`
    return amiss('data.schema_older', seen, 'make a backup before that start (docs/backup.md)')
  }
  const seen = `the database has schema ${schema}, this foreman knows ${newest}: a start is refused`
  return amiss(
    'data.schema_newer',
    seen,
    'use the newer foreman, or restore the backup from before the upgrade'
  )
}

function logSize(sizeBytes = 0, inUse: boolean | undefined): Finding[] {
  if (sizeBytes < largeLogBytes) return []
  const seen = `the write-ahead log has ${Math.round(sizeBytes / megabyte)} MB: something read the database for long without a pause`
  const mend = inUse
    ? 'end what reads the database beside foreman, then restart foreman'
    : 'start foreman and stop it once'
  return [amiss('data.log_large', seen, mend)]
}

function quota(db: Database.Database, { data_dir, queue }: Settings): Finding[] {
  const { db: rows, wal } = new DiskUse(db, data_dir).parts()
  const takenBytes = neededBlobs(db).reduce((sum, { sizeBytes }) => sum + sizeBytes, rows + wal)
  if (takenBytes < queue.max_bytes) return []
  const seen = `foreman's data takes ${takenBytes} bytes and queue.max_bytes is ${queue.max_bytes}: durable jobs are refused (queue_full)`
  return [
    amiss('data.quota_reached', seen, 'delete ended jobs, shorten retention.job_s, or raise queue.max_bytes')
  ]
}

function key(db: Database.Database, { data_dir, secret_key_file }: Settings): Finding[] {
  const file = secret_key_file ?? join(data_dir, 'secret.key')
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0
  const findings: Finding[] = []
  if ((mode & forOthers) !== 0) {
    const seen = `others may read the key file ${file} (0${(mode & 0o777).toString(8)})`
    findings.push(amiss('data.key_open', seen, `chmod 600 ${file}`))
  }
  if (!hasSealed(db)) return findings
  try {
    new Secrets(db, file)
    return [...findings, well('data.key_fits', 'the key file opens the secrets')]
  } catch (err) {
    const mend = 'a start is refused: put the key back that belongs to this database (docs/backup.md)'
    return [...findings, amiss('data.key_unusable', (err as Error).message, mend)]
  }
}
