/**
 * Kills a process at an instant that the store tells: a thread looks at it without a pause and shoots in the very
 * moment in which something is so. What lasts a fraction of a millisecond is hit no other way.
 */
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

interface Order {
  readonly dataDir: string
  readonly pid: number
  /** A query that gives a value as soon as the instant is there. */
  readonly query: string
  /** After this long it shoots anyway, ms. */
  readonly patienceMs: number
}

/** Instants that can be aimed at. */
export const instants = {
  loading: "SELECT 1 FROM job WHERE state = 'loading'",
  working: "SELECT 1 FROM job WHERE state = 'working'",
  canceling: "SELECT 1 FROM job WHERE state = 'canceling'",
  'a new row': 'SELECT 1 FROM job WHERE seq > (SELECT seq FROM first_seen)',
  'an end': 'SELECT 1 FROM job WHERE seq > (SELECT seq FROM first_seen) AND finished_at IS NOT NULL'
} as const

/** One of them. */
export type Instant = keyof typeof instants

/** Kills `pid` at the instant. @returns once it has shot, whether it saw what it waited for */
export async function shootAt(
  dataDir: string,
  pid: number,
  instant: Instant,
  patienceMs: number
): Promise<boolean> {
  const order: Order = { dataDir, pid, query: instants[instant], patienceMs }
  const thread = new Worker(import.meta.filename, { workerData: { order } })
  return await new Promise((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
  })
}

function lieInWait({ dataDir, pid, query, patienceMs }: Order): boolean {
  const db = new Database(join(dataDir, 'foreman.db'), { readonly: true })
  db.exec('CREATE TEMP TABLE first_seen AS SELECT coalesce(max(seq), 0) AS seq FROM job')
  const look = db.prepare(query).pluck()
  const giveUpAt = performance.now() + patienceMs
  let seen = false
  while (!seen && performance.now() < giveUpAt) seen = look.get() !== undefined
  process.kill(pid, 'SIGKILL')
  db.close()
  return seen
}

if (!isMainThread && workerData?.order !== undefined) parentPort!.postMessage(lieInWait(workerData.order))
