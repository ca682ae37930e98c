/** Looks at the store of a foreman that was just killed: what it was in the middle of, and that nothing is lost. */
import assert from 'node:assert/strict'
import type { Database } from 'better-sqlite3'
import type { JobState } from '../../../core/jobs/states.ts'
import { assertWhole, reading } from '../../strength/support/invariants.ts'
import { assertArtifacts, orphansOf } from './artifacts.ts'
import type { Ledger } from './ledger.ts'

interface Row {
  readonly id: string
  readonly state: JobState
}

/** What a kill can hit. */
export const hits = [
  'queued',
  'waiting for a retry',
  'loading',
  'working',
  'canceling',
  'accepted, not answered',
  'a file without its row',
  'nothing at all'
] as const

/** One of {@link hits}. */
export type Hit = (typeof hits)[number]

const jobHits: readonly (readonly [Hit, string])[] = [
  ['queued', "state = 'queued' AND ready = 1"],
  ['waiting for a retry', "state = 'queued' AND attempt > 0"],
  ['loading', "state = 'loading'"],
  ['working', "state = 'working'"],
  ['canceling', "state = 'canceling'"]
]

/** Looks again and again at the store of one data directory, each time when its foreman is dead. */
export class Census {
  readonly #dataDir: string
  readonly #ledger: Ledger
  #knownJobs: ReadonlySet<string> = new Set()
  #knownOrphans: ReadonlySet<string> = new Set()

  constructor(dataDir: string, ledger: Ledger) {
    this.#dataDir = dataDir
    this.#ledger = ledger
  }

  /** What this kill hit. */
  take(): ReadonlySet<Hit> {
    return reading(this.#dataDir, db => {
      const found = new Set(jobHits.filter(([, where]) => isThere(db, where)).map(([hit]) => hit))
      if (this.#hasUnheardJob(db)) found.add('accepted, not answered')
      if (this.#hasNewOrphan(db)) found.add('a file without its row')
      return found.size === 0 ? new Set<Hit>(['nothing at all']) : found
    })
  }

  /** A row that is there since the last look, and of which no caller knows. */
  #hasUnheardJob(db: Database): boolean {
    const last = this.#knownJobs
    const ids = idsOf(db)
    this.#knownJobs = new Set(ids)
    return ids.some(id => !this.#ledger.accepted.has(id) && !last.has(id))
  }

  #hasNewOrphan(db: Database): boolean {
    const last = this.#knownOrphans
    this.#knownOrphans = orphansOf(this.#dataDir, db)
    return [...this.#knownOrphans].some(digest => !last.has(digest))
  }
}

function isThere(db: Database, where: string): boolean {
  return db.prepare(`SELECT 1 FROM job WHERE ${where}`).get() !== undefined
}

/** Every job of a store. */
export function jobsIn(dataDir: string): ReadonlySet<string> {
  return reading(dataDir, db => new Set(idsOf(db)))
}

/** Holds a store that nobody writes against what callers were told. @throws {AssertionError} */
export function assertKept(dataDir: string, ledger: Ledger): void {
  assertWhole(dataDir)
  reading(dataDir, db => {
    const rows = new Map((db.prepare('SELECT * FROM job').all() as Row[]).map(row => [row.id, row]))
    const buried = new Set(db.prepare('SELECT id FROM tombstone').pluck().all() as string[])
    for (const id of ledger.kept) assert.ok(rows.has(id), `${id} was acknowledged and is lost`)
    for (const [id, acknowledged] of ledger.deleted) {
      assert.ok(
        rows.has(id) !== buried.has(id),
        `${id} is ${rows.has(id) ? 'both' : 'neither'} there and buried`
      )
      if (acknowledged) assert.ok(buried.has(id), `${id} came back after its delete`)
    }
    for (const row of rows.values()) ledger.see(row.id, row.state, JSON.stringify(row), 'store')
    assertKeysOnce(db)
    assertArtifacts(dataDir, db, ledger)
  })
}

/** Each caller's key stands in the metadata of its job as well, out of reach of the table of keys. */
function assertKeysOnce(db: Database): void {
  const twice = db
    .prepare(
      "SELECT value FROM job_metadata WHERE key = 'key' AND value <> '' GROUP BY value HAVING count(*) > 1"
    )
    .pluck()
    .all()
  assert.deepEqual(twice, [], 'keys that made two jobs')
}

function idsOf(db: Database): string[] {
  return db.prepare('SELECT id FROM job').pluck().all() as string[]
}
