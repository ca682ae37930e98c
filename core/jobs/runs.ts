/**
 * The runs: each attempt on the target, from the begin of the work to its end. Waits are explained by them, speeds
 * learned, and what the target did can be drawn. Loads are the swap ledger's.
 */
import type { Database, Statement } from 'better-sqlite3'
import type { Job } from './job.ts'

/**
 * How an attempt ended. `failed`: whether or not another follows. `interrupted`: foreman stopped. `unreached`: no
 * connection was made, so it does not count as an attempt.
 */
export type RunOutcome = 'done' | 'failed' | 'canceled' | 'interrupted' | 'unreached'

/** What an attempt took by the target's own clock, in ms; null where it did not tell. */
export interface RunTook {
  readonly prefillMs: number | null
  readonly generationMs: number | null
}

/** One attempt that is over. Times in ms since 1970. */
export interface RunRecord extends RunTook {
  readonly jobSeq: number
  readonly runner: string
  /** As the caller wrote it. */
  readonly model: string
  readonly attempt: number
  readonly beganAt: number
  readonly endedAt: number
  readonly outcome: RunOutcome
}

/** Every column under the name of its field, for SELECT. */
export const runColumns = `job_seq AS jobSeq, runner, model, attempt, began_at AS beganAt, ended_at AS endedAt, outcome,
  prefill_ms AS prefillMs, generation_ms AS generationMs`

const untold: RunTook = { prefillMs: null, generationMs: null }

/** Writes and reads runs. They outlive their jobs; `core/queue/chronicle.ts` clears them. */
export class RunLog {
  readonly #insert: Statement
  readonly #last: Statement
  readonly #newest: Statement

  constructor(db: Database) {
    this.#insert =
      db.prepare(`INSERT INTO run (job_seq, lane, runner, model, attempt, began_at, ended_at, outcome,
      prefill_ms, generation_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    this.#last = db.prepare(`SELECT ${runColumns} FROM run
      WHERE ended_at BETWEEN +? AND +? AND job_seq = ? ORDER BY ended_at DESC LIMIT 1`)
    this.#newest = db.prepare(
      `SELECT * FROM (SELECT seq, ${runColumns} FROM run ORDER BY seq DESC LIMIT ?) ORDER BY seq`
    )
  }

  /** For the store, in the transaction that ends the attempt: `before` becomes `after` because it ended at `endedAt`. */
  add(before: Job, after: Job, endedAt: number, took: RunTook = untold): void {
    const { seq, lane, runner, model, attempt, startedAt } = before
    const beganAt = Math.min(startedAt ?? endedAt, endedAt)
    const { prefillMs, generationMs } = took
    const outcome = outcomeOf(before, after)
    this.#insert.run(seq, lane, runner, model, attempt, beganAt, endedAt, outcome, prefillMs, generationMs)
  }

  /** The last attempt of a job that has ended, where it was at work and that is still recorded. */
  last({ seq, startedAt, finishedAt }: Job): RunRecord | undefined {
    return this.#last.get(startedAt, finishedAt, seq) as RunRecord | undefined
  }

  /** The `count` newest runs, the oldest of them first. */
  newest(count: number): RunRecord[] {
    return this.#newest.all(count) as RunRecord[]
  }
}

/** Whether the target works for the job, or did when its cancel came. */
export function isAtWork({ state, previousState }: Job): boolean {
  return state === 'working' || (state === 'canceling' && previousState === 'working')
}

function outcomeOf(before: Job, { state, attempt, error }: Job): RunOutcome {
  if (state === 'done' || state === 'canceled') return state
  if (attempt < before.attempt) return 'unreached'
  return error?.code === 'interrupted' ? 'interrupted' : 'failed'
}
