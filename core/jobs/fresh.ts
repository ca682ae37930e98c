/** What a job is in the moment it is accepted. */
import { newId } from './ids.ts'
import type { Job } from './job.ts'
import type { Place } from './store.ts'

/**
 * The job of a place, without its `seq`, which the store gives. Times become whole ms, rounded up: the settings may
 * have any fraction of a second.
 */
export function freshJob({ job, dueAt }: Place, now: number): Omit<Job, 'seq'> {
  const { availableAt, startBy, runTimeoutMs, retentionMs, ...rest } = job
  const { request: _request, inputs: _inputs, idempotency: _idempotency, ...others } = rest
  const { metadata: _metadata, retryOf: _retryOf, webhook: _webhook, ...unnamed } = others
  const { traceparent: _traceparent, ...given } = unnamed
  return {
    ...given,
    id: newId('job'),
    state: 'queued',
    previousState: null,
    version: 1,
    eventSeq: 1,
    attempt: 0,
    createdAt: now,
    availableAt: Math.ceil(availableAt ?? now),
    dueAt: Math.ceil(dueAt),
    startBy: startBy === undefined ? null : Math.ceil(startBy),
    runTimeoutMs: Math.ceil(runTimeoutMs),
    retentionMs: Math.ceil(retentionMs),
    startedAt: null,
    firstTokenAt: null,
    finishedAt: null,
    expiresAt: null,
    error: null
  }
}
