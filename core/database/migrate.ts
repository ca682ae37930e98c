/**
 * Numbered SQL migrations: every file of `migrations/` named `NNNN-what.sql` runs once, in order.
 * `PRAGMA user_version` holds the number of the last one that ran. Beside SQLite's own functions a file may use
 * `sha256(blob)`, which gives hex.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import createError from '@fastify/error'
import type Database from 'better-sqlite3'

const builtIn = join(import.meta.dirname, 'migrations')

/** The database was written by a newer foreman. The process exits with 1. */
export const SchemaTooNewError = createError(
  'FOREMAN_SCHEMA_TOO_NEW',
  "the database '%s' has schema %d, this foreman knows %d: use a newer foreman, or to go back put the copy in place " +
    'that was made before the upgrade (docs/backup.md)'
)

/**
 * Brings `db` to the newest schema, each step in a transaction of its own.
 * @returns the schema it had
 * @throws {SchemaTooNewError} and leaves it as it is; what SQLite throws where a step fails, and keeps the steps before
 */
export function migrate(db: Database.Database, directory: string = builtIn): number {
  const steps = stepsOf(directory)
  const done = schemaOf(db)
  if (done > steps.length) throw new SchemaTooNewError(db.name, done, steps.length)
  db.function('sha256', { deterministic: true }, body => hexDigest(body as Buffer))
  for (const [index, name] of steps.entries()) {
    if (index < done) continue
    const sql = readFileSync(join(directory, name), 'utf8')
    db.transaction(() => {
      db.exec(sql)
      db.pragma(`user_version = ${index + 1}`)
    })()
  }
  return done
}

/** The number of the last migration that ran on `db`. */
export function schemaOf(db: Database.Database): number {
  return db.pragma('user_version', { simple: true }) as number
}

/** The number of the last migration that there is. */
export function newestSchema(): number {
  return stepsOf(builtIn).length
}

function stepsOf(directory: string): string[] {
  return readdirSync(directory)
    .filter(name => /^\d{4}-.*\.sql$/.test(name))
    .sort()
}

function hexDigest(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex')
}
