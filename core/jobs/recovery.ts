/** What a start does with jobs that a dead process left in the middle. Runs before anything else may. */
import type { Database } from 'better-sqlite3'
import type { Job, JobError } from './job.ts'
import { type JobRow, jobColumns, toJob } from './rows.ts'
import type { JobStore } from './store.ts'

/** How many jobs went where. */
export interface Recovered {
  requeued: number
  /** No attempt was left. */
  failed: number
  /** Their callers are gone. */
  interrupted: number
  canceled: number
}

// Each half is answered from an index of its own; the two in one WHERE would read every job there is.
const left = `SELECT ${jobColumns} FROM job WHERE state IN ('loading', 'working', 'canceling')
  UNION ALL SELECT ${jobColumns} FROM job WHERE state = 'queued' AND attached = 1`

/** What is known of the process that died. */
export interface Death {
  /** ms since 1970, as far as is known. */
  readonly at: number
  /** Told of a job whose runner was being loaded. */
  readonly loading?: (job: Job) => void
}

/**
 * Puts every job of a dead process where it belongs: a canceled one ends, an attached one has lost its caller
 * and fails, a durable one goes back to the queue with its attempt counted, or fails when none is left.
 */
export function recover(db: Database, store: JobStore, death: Death = { at: Date.now() }): Recovered {
  const recovered: Recovered = { requeued: 0, failed: 0, interrupted: 0, canceled: 0 }
  for (const row of db.prepare(left).all() as JobRow[]) {
    const job = toJob(row)
    recovered[settle(store, job, death.at)] += 1
    if (job.state === 'loading') death.loading?.(job)
  }
  return recovered
}

function settle(store: JobStore, job: Job, attemptEndedAt: number): keyof Recovered {
  if (job.state === 'canceling') {
    store.move(job, 'canceled', { attemptEndedAt })
    return 'canceled'
  }
  const error: JobError = {
    code: 'interrupted',
    message: 'foreman stopped before the call was finished',
    retryable: true,
    attempt: job.attempt
  }
  if (job.attached || job.attempt >= job.maxAttempts) {
    store.move(job, 'failed', { error, attemptEndedAt })
    return job.attached ? 'interrupted' : 'failed'
  }
  store.move(job, 'queued', { error, attemptEndedAt, availableAt: Date.now() })
  return 'requeued'
}
