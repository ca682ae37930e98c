/** What a job is: one accepted unit of work on the target, as the store keeps it. */
import type { Priority } from './priority.ts'
import type { JobState } from './states.ts'

/** What is asked of the target. `transcription` is audio in, text out. */
export type JobKind = 'chat' | 'generate' | 'embed' | 'transcription'

/** Why a job failed, expired or goes back to the queue. `code` is one of `docs/errors.md`. */
export interface JobError {
  readonly code: string
  readonly message: string
  /** Whether another attempt could succeed. */
  readonly retryable: boolean
  /** The attempt that met it, counted from 1; 0 when none ran. */
  readonly attempt: number
  /** The target's HTTP status, where it answered. */
  readonly targetStatus?: number
}

/** What a caller decides when it hands a job in. Times in ms. */
export interface NewJob {
  readonly owner: string
  readonly lane: string
  readonly kind: JobKind
  /** The model's name as the caller wrote it. */
  readonly model: string
  /** What the target must have in memory: see `core/target/runner.ts`. */
  readonly runner: string
  readonly priority: Priority
  /** The caller holds the connection: no retry, nothing of it stored, no life over a restart. */
  readonly attached: boolean
  readonly maxAttempts: number
  /** Not before this time; now when left out. */
  readonly availableAt?: number
  /** Ends as `expired` when no attempt has begun by then; never when left out. */
  readonly startBy?: number
  /** Longest time one attempt may run. */
  readonly runTimeoutMs: number
  /** How long the job is kept after its end. */
  readonly retentionMs: number
  /** What to send; absent for attached jobs, whose request stays in memory. */
  readonly request?: StoredRequest
  /** Ids of the uploads that the request refers to: they are kept for as long as the job. */
  readonly inputs?: readonly string[]
  /** Words of the caller's own, handed back with the job. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Id of the ended job that this one does again. */
  readonly retryOf?: string
  /** Where its own events are sent; nowhere when left out. */
  readonly webhook?: JobWebhook
  /** The trace that it belongs to: see `core/trace-context.ts`. */
  readonly traceparent?: string
  /** The caller's key for this job, taken in the same transaction. */
  readonly idempotency?: IdempotencyClaim
}

/** A caller's own name for one request: the same one again makes no second job. */
export interface IdempotencyClaim {
  /** Where the key was used: keys of two routes do not meet. */
  readonly route: string
  readonly key: string
  /** Equal for equal bodies. */
  readonly fingerprint: Buffer
}

/** Where a job wants its events to be sent. */
export interface JobWebhook {
  readonly url: string
  /** Types of events, and patterns of them: `job.done`, `job.*`. */
  readonly events: readonly string[]
  /** What to sign with, sealed; null for the secret of the owner. */
  readonly secret: Buffer | null
}

/** The fields of a new job that are kept beside its row: see `details.ts` and `artifacts.ts`. */
type Beside = 'request' | 'inputs' | 'metadata' | 'retryOf' | 'webhook' | 'traceparent' | 'idempotency'

/** A request that outlives the process. */
export interface StoredRequest {
  /** Path of the native route, `/api/chat` for example. */
  readonly path: string
  readonly body: Buffer
}

/** The same as the store gives it, with the trace that its job belongs to. */
export interface KeptRequest extends StoredRequest {
  readonly traceparent: string | null
}

/** A job at one moment: never changed in place, each transition gives a new one. Times are ms since 1970. */
export interface Job extends Omit<NewJob, 'availableAt' | 'startBy' | Beside> {
  /** Arrival order over all jobs. */
  readonly seq: number
  readonly id: string
  readonly state: JobState
  readonly previousState: JobState | null
  /** Counts every change. */
  readonly version: number
  /** `seq` of the job's last event. */
  readonly eventSeq: number
  /** Attempts begun so far. */
  readonly attempt: number
  readonly createdAt: number
  /** Waits until then, for a retry or a `not_before`. */
  readonly availableAt: number
  /** When its class loses patience: the order within a runner, and its claim on the worker. */
  readonly dueAt: number
  readonly startBy: number | null
  /** Begin of the last attempt. */
  readonly startedAt: number | null
  /** First byte of the answer of the last attempt. */
  readonly firstTokenAt: number | null
  readonly finishedAt: number | null
  /** When the job's data is removed; set at its end. */
  readonly expiresAt: number | null
  readonly error: JobError | null
}
