/** Keys that foreman makes for itself, each at its first use, and keeps in the store. */
import { randomBytes } from 'node:crypto'
import type { Database } from 'better-sqlite3'

const secretBytes = 32

/** The key of this name, as it is now; undefined before it was made. */
export function findSecret(db: Database, name: string): Buffer | undefined {
  return db.prepare('SELECT value FROM secret WHERE name = ?').pluck().get(name) as Buffer | undefined
}

/** The key of this name: 32 random bytes, made where there is none. */
export function makeSecret(db: Database, name: string): Buffer {
  db.prepare('INSERT OR IGNORE INTO secret (name, value) VALUES (?, ?)').run(name, randomBytes(secretBytes))
  return findSecret(db, name)!
}
