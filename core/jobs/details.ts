/**
 * What is kept of a job beside its row: the words of its caller, which job it does again, whom it tells, what
 * trace it belongs to, what its answer took.
 * Calls that hold a connection have next to nothing of it, so their rows stay short. The job's store does the writing.
 */
import type { Database, Statement } from 'better-sqlite3'
import type { JobWebhook, NewJob } from './job.ts'
import type { Usage } from './usage.ts'

/** How long a job was in one state, summed over its attempts. */
export interface PhaseTimes {
  /** ms; undefined before the first such phase is over. */
  readonly queued: number | undefined
  readonly loading: number | undefined
}

/** What is kept of a job from its first moment on. */
type Detailed = Pick<NewJob, 'metadata' | 'retryOf' | 'webhook' | 'traceparent'>

type UsageRow = Omit<Usage, 'estimated'> & { readonly estimated: number }

// A phase ends with the event that follows it; of other types than those of a state there is none between.
const phaseQuery = `SELECT
    sum(CASE WHEN phase = 'queued' THEN ended - began END) AS queued,
    sum(CASE WHEN phase = 'loading' THEN ended - began END) AS loading
  FROM (SELECT data ->> 'state' AS phase, created_at AS began,
    lead(created_at) OVER (ORDER BY seq) AS ended FROM event WHERE job_seq = ?)`

/** Reads and writes them by the job's `seq`. */
export class JobDetails {
  readonly #insertMetadata: Statement
  readonly #insertRetry: Statement
  readonly #insertWebhook: Statement
  readonly #insertTrace: Statement
  readonly #insertUsage: Statement
  readonly #metadata: Statement
  readonly #retryOf: Statement
  readonly #webhook: Statement
  readonly #usage: Statement
  readonly #phases: Statement

  constructor(db: Database) {
    this.#insertMetadata = db.prepare('INSERT INTO job_metadata (job_seq, key, value) VALUES (?, ?, ?)')
    this.#insertRetry = db.prepare('INSERT INTO job_retry (job_seq, retry_of) VALUES (?, ?)')
    this.#insertWebhook = db.prepare(
      'INSERT INTO job_webhook (job_seq, url, events, secret) VALUES (?, ?, ?, ?)'
    )
    this.#insertTrace = db.prepare('INSERT INTO job_trace (job_seq, traceparent) VALUES (?, ?)')
    this.#insertUsage = db.prepare(`INSERT OR REPLACE INTO job_usage
      (job_seq, input_tokens, output_tokens, estimated, prompt_eval_ms, generation_ms) VALUES (?, ?, ?, ?, ?, ?)`)
    this.#metadata = db.prepare('SELECT key, value FROM job_metadata WHERE job_seq = ?').raw()
    this.#retryOf = db.prepare('SELECT retry_of FROM job_retry WHERE job_seq = ?').pluck()
    this.#webhook = db.prepare('SELECT url, events, secret FROM job_webhook WHERE job_seq = ?')
    this.#usage = db.prepare(`SELECT input_tokens AS inputTokens, output_tokens AS outputTokens, estimated,
      prompt_eval_ms AS promptEvalMs, generation_ms AS generationMs FROM job_usage WHERE job_seq = ?`)
    this.#phases = db.prepare(phaseQuery)
  }

  /** For the store, in the transaction that accepts the job. */
  add(seq: number, { metadata, retryOf, webhook, traceparent }: Detailed): void {
    if (metadata !== undefined) {
      for (const [key, value] of Object.entries(metadata)) this.#insertMetadata.run(seq, key, value)
    }
    if (retryOf !== undefined) this.#insertRetry.run(seq, retryOf)
    if (webhook !== undefined)
      this.#insertWebhook.run(seq, webhook.url, JSON.stringify(webhook.events), webhook.secret)
    if (traceparent !== undefined) this.#insertTrace.run(seq, traceparent)
  }

  /** For the store, in the transaction that keeps the answer. */
  setUsage(seq: number, usage: Usage): void {
    const { inputTokens, outputTokens, estimated, promptEvalMs, generationMs } = usage
    this.#insertUsage.run(seq, inputTokens, outputTokens, estimated ? 1 : 0, promptEvalMs, generationMs)
  }

  /** The caller's words, sorted by key; empty where it gave none. */
  metadata(seq: number): Record<string, string> {
    return Object.fromEntries(this.#metadata.all(seq) as [key: string, value: string][])
  }

  /** Id of the job that this one does again. */
  retryOf(seq: number): string | undefined {
    return this.#retryOf.get(seq) as string | undefined
  }

  /** Where its own events are sent; undefined for nowhere. */
  webhook(seq: number): JobWebhook | undefined {
    const row = this.#webhook.get(seq) as (Omit<JobWebhook, 'events'> & { events: string }) | undefined
    return row && { ...row, events: JSON.parse(row.events) }
  }

  /** What the last answer took; undefined where none was kept. */
  usage(seq: number): Usage | undefined {
    const row = this.#usage.get(seq) as UsageRow | undefined
    return row && { ...row, estimated: row.estimated === 1 }
  }

  /** How long it waited and loaded, by its event log; a phase that lasts does not count yet. */
  phases(seq: number): PhaseTimes {
    const row = this.#phases.get(seq) as { queued: number | null; loading: number | null }
    return { queued: row.queued ?? undefined, loading: row.loading ?? undefined }
  }
}
