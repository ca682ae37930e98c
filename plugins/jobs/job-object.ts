/** Makes the job object of a job: the one picture of it that all routes and events share. */
import type { FastifyInstance } from 'fastify'
import type { Job, JobError } from '../../core/jobs/job.ts'
import type { Usage } from '../../core/jobs/usage.ts'
import type { JobObject } from './job-schema.ts'

/** Answers up to this size are shown in the job object. */
export const inlineResultBytes = 256 * 1024

/** Offered as `app.jobObjects`. */
export interface JobObjects {
  /** The job object of `job`. `result` is left null where it is not wanted, as in lists. */
  of(job: Job, options?: { result?: boolean }): JobObject
}

/** Makes job objects of what `app` has in its store and queue. */
export function jobObjects(app: Pick<FastifyInstance, 'jobs' | 'queue'>): JobObjects {
  const { details } = app.jobs
  return {
    of: (job, { result = true } = {}) => {
      const usage = details.usage(job.seq)
      return {
        ...rowOf(job),
        ...timesOf(job),
        queue: job.state === 'queued' ? queueOf(app, job) : null,
        result: result ? resultOf(app, job) : null,
        artifacts: [],
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

function queueOf({ queue }: Pick<FastifyInstance, 'queue'>, job: Job): JobObject['queue'] {
  const { position, estimatedStartAt } = queue.forecast(job)
  return { position, estimated_start_at: queue.paused ? null : isoTime(estimatedStartAt) }
}

/** An answer of another surface, kept for a caller that left, may be no JSON. */
function resultOf({ jobs }: Pick<FastifyInstance, 'jobs'>, job: Job): unknown {
  const body = jobs.details.result(job.seq, inlineResultBytes)?.body
  if (body === undefined) return null
  try {
    return JSON.parse(body.toString())
  } catch {
    return null
  }
}

function tokensOf({ inputTokens, outputTokens, estimated }: Usage): JobObject['usage'] {
  return { input_tokens: inputTokens, output_tokens: outputTokens, estimated }
}

function timingsOf({ jobs }: Pick<FastifyInstance, 'jobs'>, job: Job, usage: Usage | undefined) {
  const { queued, loading } = jobs.details.phases(job.seq)
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
