/** Facts read from the database of a data directory, from outside and without disturbing a foreman that is on it. */
import { join } from 'node:path'
import Database from 'better-sqlite3'

/** How many jobs have ended in `dataDir`; a foreman may be on it. */
export function endedJobs(dataDir: string): number {
  return ask(dataDir, 'SELECT count(*) FROM job WHERE expires_at IS NOT NULL')[0]!
}

/** When the job that ended as the `nth` (from 1) was finished, ms since 1970; undefined before. */
export function finishedAt(dataDir: string, nth: number): number | undefined {
  const inOrder = 'SELECT finished_at FROM job WHERE expires_at IS NOT NULL ORDER BY expires_at'
  return ask(dataDir, `${inOrder} LIMIT 1 OFFSET ${nth - 1}`)[0]
}

/** What each swap took, in ms. */
export function swapTimes(dataDir: string): number[] {
  return ask(dataDir, 'SELECT duration_ms FROM swap WHERE loaded = 1')
}

/** How many deliveries of webhooks are neither taken nor given up. */
export function openDeliveries(dataDir: string): number {
  return ask(dataDir, 'SELECT open FROM webhook_total')[0]!
}

function ask(dataDir: string, sql: string): number[] {
  const db = new Database(join(dataDir, 'foreman.db'), { readonly: true })
  try {
    return db.prepare(sql).pluck().all() as number[]
  } finally {
    db.close()
  }
}
