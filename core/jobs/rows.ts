/** How a job lies in its row: the columns, and the way there and back. */
import type { Job, JobError } from './job.ts'

/** Every column of `job` under the name of its field, for SELECT. */
export const jobColumns = `seq, id, owner, lane, kind, model, runner, priority, attached, state,
  previous_state AS previousState, version, event_seq AS eventSeq, attempt, max_attempts AS maxAttempts,
  created_at AS createdAt, available_at AS availableAt, due_at AS dueAt, start_by AS startBy,
  run_timeout_ms AS runTimeoutMs, retention_ms AS retentionMs, started_at AS startedAt,
  first_token_at AS firstTokenAt, finished_at AS finishedAt, expires_at AS expiresAt, error`

/** A row as SQLite gives it under {@link jobColumns}. */
export interface JobRow extends Omit<Job, 'attached' | 'error'> {
  readonly attached: number
  readonly error: string | null
}

/** INSERT with named parameters: those of {@link toRow} and `ready`. */
export const insertJob = `INSERT INTO job (id, owner, lane, kind, model, runner, priority, attached, state,
  previous_state, version, event_seq, attempt, max_attempts, ready, created_at, available_at, due_at,
  start_by, run_timeout_ms, retention_ms, started_at, first_token_at, finished_at, expires_at, error)
  VALUES (@id, @owner, @lane, @kind, @model, @runner, @priority, @attached, @state, @previousState, @version,
  @eventSeq, @attempt, @maxAttempts, @ready, @createdAt, @availableAt, @dueAt, @startBy, @runTimeoutMs,
  @retentionMs, @startedAt, @firstTokenAt, @finishedAt, @expiresAt, @error)`

/** UPDATE of what a transition may change, guarded by the state and version it started from. `+` as in waiting.ts. */
export const moveJob = `UPDATE job SET state = @state, previous_state = @previousState, version = @version,
  event_seq = @eventSeq, attempt = @attempt, ready = @ready, available_at = @availableAt,
  started_at = @startedAt, first_token_at = @firstTokenAt, finished_at = @finishedAt,
  expires_at = @expiresAt, error = @error
  WHERE seq = @seq AND state = +@previousState AND version = @version - 1`

/** The job of a row. */
export function toJob(row: JobRow): Job {
  const error = row.error === null ? null : (JSON.parse(row.error) as JobError)
  return { ...row, attached: row.attached === 1, error }
}

/** The named parameters of a job. */
export function toRow(job: Job, ready: boolean): Record<string, unknown> {
  return {
    ...job,
    attached: job.attached ? 1 : 0,
    ready: ready ? 1 : 0,
    error: job.error === null ? null : JSON.stringify(job.error)
  }
}
