/** How SQLite answers the statements of the engine: by an index, or by reading all jobs. */
import type { Database } from 'better-sqlite3'

/** Every statement that `work` prepares on `db`. */
export function statementsOf(db: Database, work: () => void): string[] {
  const prepared: string[] = []
  const { prepare } = db
  db.prepare = ((sql: string) => {
    prepared.push(sql)
    return prepare.call(db, sql)
  }) as typeof prepare
  try {
    work()
  } finally {
    db.prepare = prepare
  }
  return prepared
}

/**
 * The steps in which `sql` reads the table without an index, ended jobs included. SQLite calls the step SEARCH too
 * where it looks for a minimum.
 */
export function fullScans(db: Database, sql: string): string[] {
  const named = [...sql.matchAll(/@(\w+)/g)].map(([, name]) => [name, 0])
  const holes = named.length > 0 ? [Object.fromEntries(named)] : Array(sql.split('?').length - 1).fill(0)
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...holes) as { detail: string }[]
  return plan.map(({ detail }) => detail).filter(detail => /^(SCAN|SEARCH) job(?! USING)/.test(detail))
}
