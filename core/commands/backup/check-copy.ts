/** Reads a copy of a data directory through: its database, every blob, and whether its key opens its secrets. */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Database, SqliteError } from 'better-sqlite3'
import { Secrets } from '../../database/secret.ts'
import { blobIn, hasSealed, jobCount, type NeededBlob, neededBlobs, openToRead } from './stored-data.ts'

/** Of a database that is broken in many places these tell enough. */
const mostDatabaseFaults = 10

/** What a copy has in it, and what is wrong with it. */
export interface Checked {
  readonly jobs: number
  readonly blobs: number
  readonly blobBytes: number
  /** Whether the key is there that the secrets need. */
  readonly secrets: 'none' | 'opened' | 'sealed elsewhere'
  /** Empty where all is well; a sentence each. */
  readonly faults: readonly string[]
}

/** Checks a copy without changing it. @throws {CommandError} where there is none that this foreman can read */
export async function checkCopy(dir: string): Promise<Checked> {
  const db = openToRead(dir)
  try {
    const faults = databaseFaults(db)
    // Of a broken one nothing else can be told.
    if (faults.length > 0) return { jobs: 0, blobs: 0, blobBytes: 0, secrets: 'none', faults }
    const needed = neededBlobs(db)
    for (const blob of needed) faults.push(...(await blobFaults(dir, blob)))
    const secrets = faults.length === 0 ? openSecrets(db, join(dir, 'secret.key'), faults) : 'none'
    const blobBytes = needed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    return { jobs: jobCount(db), blobs: needed.length, blobBytes, secrets, faults }
  } finally {
    db.close()
  }
}

function databaseFaults(db: Database): string[] {
  try {
    return [...brokenPages(db), ...orphans(db)]
  } catch (err) {
    if (err instanceof SqliteError) return [err.message]
    throw err
  }
}

function brokenPages(db: Database): string[] {
  const found = db.pragma(`integrity_check(${mostDatabaseFaults})`) as { integrity_check: string }[]
  return found.map(row => row.integrity_check).filter(text => text !== 'ok')
}

function orphans(db: Database): string[] {
  const found = db.pragma('foreign_key_check') as { table: string; parent: string }[]
  return found
    .slice(0, mostDatabaseFaults)
    .map(({ table, parent }) => `a row of ${table} misses its ${parent}`)
}

async function blobFaults(dir: string, { digest }: NeededBlob): Promise<string[]> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(blobIn(dir, digest)), hash)
  } catch (err) {
    return [`the blob ${digest} cannot be read: ${(err as Error).message}`]
  }
  return hash.digest('hex') === digest ? [] : [`the blob ${digest} has other bytes than it should`]
}

function openSecrets(db: Database, keyFile: string, faults: string[]): Checked['secrets'] {
  if (!hasSealed(db)) return 'none'
  if (!existsSync(keyFile)) return 'sealed elsewhere'
  try {
    new Secrets(db, keyFile)
  } catch (err) {
    faults.push((err as Error).message)
  }
  return 'opened'
}
