/** Makes the job object of a job: the one picture of it that all routes and events share. */
import type { FastifyInstance } from 'fastify'
import type { Artifact } from '../../core/jobs/artifact.ts'
import { completionName, inlineBytes } from '../../core/jobs/artifacts.ts'
import type { Job, JobError } from '../../core/jobs/job.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import type { Usage } from '../../core/jobs/usage.ts'
import type { Forecast } from '../../core/queue/job-queue.ts'
import { estimatesOf } from './estimates.ts'
import type { JobObject } from './job-schema.ts'

const noPhases = { queued: undefined, loading: undefined }

/** Offered as `app.jobObjects`. */
export interface JobObjects {
  /**
   * The job object of `job`. `result` is null where it has more bytes than are wanted: none in lists, 256 KiB unless told;
   * `forecast` is made anew where it is not given, and `null` leaves `queue` null: for more jobs than may be counted before.
   */
  of(job: Job, options?: { result?: number; forecast?: Forecast | null }): JobObject
}

/** Makes job objects of what `app` has in its store and queue. */
export function jobObjects(app: Pick<FastifyInstance, 'jobs' | 'queue'>): JobObjects {
  const { details, artifacts } = app.jobs
  return {
    of: (job, { result = inlineBytes, forecast } = {}) => {
      const usage = details.usage(job.seq)
      const outputs = hasEnded(job.state) ? artifacts.ofJob(job.seq) : []
      return {
        ...rowOf(job),
        ...timesOf(job),
        queue: queueOf(app, job, forecast),
        progress: job.state === 'working' ? (app.queue.progressOf(job.id)?.inputs ?? null) : null,
        result: resultOf(app, outputs, result),
        artifacts: outputs.map(output => outputOf(job, output)),
        usage: usage === undefined ? null : tokensOf(usage),
        timings: timingsOf(app, job, usage),
        error: job.error === null ? null : errorOf(job.error),
        retry_of: details.retryOf(job.seq) ?? null,
        metadata: details.metadata(job.seq),
        urls: urlsOf(job.id)
      }
    }
  }
}

function queueOf(
  app: Pick<FastifyInstance, 'queue'>,
  job: Job,
  forecast: Forecast | null | undefined
): JobObject['queue'] {
  if (job.state !== 'queued' || forecast === null) return null
  return estimatesOf(app, forecast ?? app.queue.forecaster.of(job))
}

/** Where a job is found. */
export function urlsOf(id: string): JobObject['urls'] {
  const self = `/jobs/${id}`
  return { self, events: `${self}/events`, cancel: `${self}/cancel`, artifacts: `${self}/artifacts` }
}

function rowOf(job: Job) {
  return {
    id: job.id,
    kind: job.kind,
    model: job.model,
    state: job.state,
    previous_state: job.previousState,
    version: job.version,
    seq: job.eventSeq,
    priority: job.priority,
    attempt: job.attempt,
    max_attempts: job.maxAttempts
  }
}

function timesOf(job: Job) {
  return {
    created_at: isoTime(job.createdAt),
    available_at: isoTime(job.availableAt),
    started_at: maybeTime(job.startedAt),
    first_token_at: maybeTime(job.firstTokenAt),
    finished_at: maybeTime(job.finishedAt),
    expires_at: maybeTime(job.expiresAt)
  }
}

/** An answer of another surface, kept for a caller that left, may be no JSON. */
function resultOf(
  { jobs }: Pick<FastifyInstance, 'jobs'>,
  outputs: readonly Artifact[],
  longestBytes: number
): unknown {
  const output = outputs.find(({ name }) => name === completionName)
  if (output === undefined || output.sizeBytes > longestBytes) return null
  try {
    return JSON.parse(String(jobs.artifacts.body(output)))
  } catch {
    return null
  }
}

function outputOf(job: Job, output: Artifact): JobObject['artifacts'][number] {
  const name = output.name!
  return {
    name,
    id: output.id,
    size_bytes: output.sizeBytes,
    content_type: output.contentType,
    digest: `sha256:${output.digest}`,
    url: `${urlsOf(job.id).artifacts}/${name}`
  }
}

function tokensOf({ inputTokens, outputTokens, estimated }: Usage): JobObject['usage'] {
  return { input_tokens: inputTokens, output_tokens: outputTokens, estimated }
}

function timingsOf({ jobs }: Pick<FastifyInstance, 'jobs'>, job: Job, usage: Usage | undefined) {
  // One event: it is in its first phase.
  const { queued, loading } = job.eventSeq === 1 ? noPhases : jobs.details.phases(job.seq)
  return {
    queue_s: seconds(queued),
    load_s: seconds(loading),
    prompt_eval_s: seconds(usage?.promptEvalMs),
    generation_s: seconds(usage?.generationMs),
    ttft_s: seconds(since(job, job.firstTokenAt)),
    total_s: seconds(since(job, job.finishedAt))
  }
}

function errorOf({ code, message, retryable, attempt, targetStatus }: JobError): JobObject['error'] {
  return { code, message, retryable, attempt, target_status: targetStatus ?? null }
}

function since({ createdAt }: Job, at: number | null): number | null {
  return at === null ? null : at - createdAt
}

function seconds(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : Math.round(ms * 1000) / 1e6
}

function maybeTime(at: number | null): string | null {
  return at === null ? null : isoTime(at)
}

function isoTime(at: number): string {
  return new Date(at).toISOString()
}
