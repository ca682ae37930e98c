/** Jobs on a real database in a directory of its own, for the tests of the engine. */
import type { TestContext } from 'node:test'
import type { Database } from 'better-sqlite3'
import { openStore } from '../../../core/database/open.ts'
import type { Output } from '../../../core/jobs/artifacts.ts'
import { JobBus, type JobEvent } from '../../../core/jobs/events.ts'
import type { Job, NewJob } from '../../../core/jobs/job.ts'
import { JobStore } from '../../../core/jobs/store.ts'
import { temporaryDir } from '../../helpers/foreman.ts'

/** A store, and everything that its bus has announced. */
export interface Bench {
  readonly db: Database
  readonly bus: JobBus
  readonly store: JobStore
  readonly events: readonly { readonly event: JobEvent; readonly job: Job }[]
  /** Takes one job in. `dueAt` is 0 unless given. */
  accept(job?: Partial<NewJob>, dueAt?: number): Job
}

/** An answer to be kept. */
export function answerOf(text: string): Output {
  return { contentType: 'application/json', content: Buffer.from(text) }
}

/** A durable chat job of runner `a`; its id is the store's to give. */
export function newJob(part: Partial<NewJob> = {}): NewJob {
  return {
    owner: 'local',
    lane: 'worker',
    kind: 'chat',
    model: 'llama3.2',
    runner: 'a',
    priority: 'normal',
    attached: false,
    maxAttempts: 5,
    runTimeoutMs: 60_000,
    retentionMs: 1000,
    ...part
  }
}

/** An open database, closed with the test. */
export function openDatabase(t: TestContext): Database {
  const store = openStore(temporaryDir(t))
  t.after(() => store.close())
  return store.db
}

/** A store on `db`. `now` stands in the place of the clock. */
export function benchOn(db: Database, now?: () => number): Bench {
  const bus = new JobBus()
  const store = new JobStore(db, bus, { now })
  const events: { event: JobEvent; job: Job }[] = []
  bus.on('event', (event, job) => events.push({ event, job }))
  const accept = (job?: Partial<NewJob>, dueAt = 0) => store.accept([{ job: newJob(job), dueAt }])[0]!
  return { db, bus, store, events, accept }
}

/** A store on a database of its own. */
export function openBench(t: TestContext, now?: () => number): Bench {
  return benchOn(openDatabase(t), now)
}

/** Every row of a table, for "nothing changed". */
export function rowsOf(db: Database, table: string): unknown[] {
  return db.prepare(`SELECT * FROM ${table}`).all()
}
