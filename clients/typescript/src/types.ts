/**
 * What foreman's routes take and give, as far as a client needs it. Source: docs/http-api.md of foreman.
 *
 * A newer foreman may send fields, states and kinds that are not listed here: they pass through untouched.
 */

/** One of the listed words, or one that only a newer foreman knows. */
export type Open<Known extends string> = Known | (string & {})

/** What a job does. */
export type JobKind = Open<'chat' | 'generate' | 'embed'>

/** How soon a job is due. */
export type Priority = Open<'interactive' | 'normal' | 'batch'>

/** Where a job stands. The last four are ends: a job in one of them never changes again. */
export type JobState = Open<
  'queued' | 'loading' | 'working' | 'canceling' | 'done' | 'failed' | 'canceled' | 'expired'
>

/** Foreman's own fields of a new job; everything left out has foreman's default. */
export interface JobTerms {
  /** Told by `messages`, `prompt` or `input` of the request when left out. */
  kind?: JobKind
  /** Defaults to `normal`. */
  priority?: Priority
  /** How often it is tried, 1 to 100. */
  max_attempts?: number
  /** The job ends as `expired` when it was not started within so many seconds. */
  start_timeout_s?: number
  /** Longest run of one attempt, in seconds. */
  run_timeout_s?: number
  /** RFC 3339: not started before, at most 7 days ahead. */
  not_before?: string
  /** How long it is kept after its end, in seconds. */
  retention_s?: number
  /** Up to 16 pairs of your own, handed back with the job. */
  metadata?: Record<string, string>
  /** Where its events are sent, beside the standing endpoints. */
  webhook?: { url: string; events?: string[]; secret?: string }
}

/** A body of Ollama's `/api/chat`, `/api/generate` or `/api/embed`: it reaches the target as it is. */
export interface NativeRequest {
  model: string
  [member: string]: unknown
}

/** A job to hand in: the native body as `request`, or, in short, its members beside foreman's own fields. */
export type NewJob = JobTerms & ({ request: NativeRequest } | (NativeRequest & { request?: never }))

/** Why a job failed, expired or is tried again. */
export interface JobError {
  /** One of foreman's docs/errors.md. */
  code: string
  message: string
  retryable: boolean
  attempt: number
  target_status: number | null
}

/** What a job left behind, as its object names it. */
export interface JobArtifact {
  name: string
  id: string
  size_bytes: number
  content_type: string
  /** `sha256:` and the hash in hex. */
  digest: string
  url: string
}

/** A job. Times are RFC 3339 in UTC, durations are seconds. */
export interface Job {
  id: string
  kind: JobKind
  /** As the caller wrote it. */
  model: string
  state: JobState
  previous_state: JobState | null
  /** Counts every change. */
  version: number
  /** That of its last event. */
  seq: number
  priority: Priority
  attempt: number
  max_attempts: number
  created_at: string
  available_at: string
  started_at: string | null
  first_token_at: string | null
  /** Null until it has ended. */
  finished_at: string | null
  expires_at: string | null
  /** Estimates, while it waits. */
  queue: {
    position: number
    start_p50_at?: string | null
    start_p90_at?: string | null
    estimated_start_at?: string | null
  } | null
  progress: { done: number; total: number } | null
  /** The target's answer up to 256 KiB; null above that: then the artifact `completion` has it. */
  result: unknown
  artifacts: JobArtifact[]
  usage: { input_tokens: number | null; output_tokens: number | null; estimated: boolean } | null
  timings: Record<string, number | null>
  error: JobError | null
  /** The job that this one does again. */
  retry_of: string | null
  metadata: Record<string, string>
  urls: Record<string, string>
  [field: string]: unknown
}

/** An upload, or what a job made. */
export interface Artifact {
  id: string
  /** What its job calls it; null for an upload. */
  name: string | null
  role: Open<'input' | 'output'>
  job_id: string | null
  digest: string
  size_bytes: number
  content_type: string
  filename: string | null
  created_at: string
  expires_at: string | null
  urls: Record<string, string>
  [field: string]: unknown
}

/** Numbers of waiting jobs. */
export interface Depth {
  total: number
  interactive: number
  normal: number
  batch: number
}

/** `GET /queue`: what waits, and for what. It names no job. */
export interface Queue {
  depth: Depth
  max_queued: number
  /** What has to be in the target's memory: the loaded first, then the deepest. */
  runners: {
    runner: string
    models: string[]
    resident: boolean
    depth: Depth
    load_s: number | null
    run_s: number | null
    oldest_age_s: number | null
  }[]
  resident: string | null
  busy: boolean
  paused: boolean
  draining: boolean
  oldest_age_s: number | null
  [field: string]: unknown
}

/** One installed model. */
export interface Model {
  name: string
  size_bytes: number
  capabilities: string[]
  context_length: number | null
  loaded: boolean
  depth: Depth
  [field: string]: unknown
}

/** `GET /models`: what the target has installed. */
export interface Models {
  data: Model[]
  /** The list is an old one: the target does not give a newer. */
  stale: boolean
  polled_at: string | null
  target: { status: Open<'up' | 'down' | 'unknown'>; since: string | null; version: string | null }
  [field: string]: unknown
}

/** `GET /jobs/{id}/why`: what a job waited for, or waits for. */
export interface Why {
  job_id: string
  state: JobState
  waited_s: number
  summary: string
  reasons: { kind: string; waiting: boolean; s: number; times: number; sentence: string }[]
  now: { [field: string]: unknown } | null
  [field: string]: unknown
}

const finalStates: ReadonlySet<string> = new Set(['done', 'failed', 'canceled', 'expired'])

/** Whether a job has ended. One in a state that is not known here has where it says when. */
export function hasEnded(job: Pick<Job, 'state' | 'finished_at'>): boolean {
  return finalStates.has(job.state) || (job.finished_at ?? null) !== null
}
