/** On what terms a job is taken: its limits, from the body or the settings. */
import type { Caller } from '../../core/access/caller.ts'
import { priorityFor } from '../../core/access/limits.ts'
import type { NewJob } from '../../core/jobs/job.ts'
import type { Settings } from '../../core/settings.ts'
import { faultAt } from './errors.ts'
import type { CreateBody } from './schemas.ts'

/** What a body says about how its job is to be run and kept. */
export type Terms = Pick<
  NewJob,
  'priority' | 'maxAttempts' | 'availableAt' | 'startBy' | 'runTimeoutMs' | 'retentionMs' | 'metadata'
>

const secondMs = 1000
const longestDelayMs = 7 * 86_400 * secondMs

/**
 * The terms of a body that was found valid. The time to start counts from when the job may start.
 * @throws {ValidationFailedError} for a `not_before` that is no time or too far ahead, and for broken Unicode
 * @throws {PriorityNotAllowedError}
 */
export function termsOf(
  caller: Caller,
  body: Omit<CreateBody, 'kind' | 'request'>,
  settings: Settings,
  now: number
): Terms {
  const { limits, retry, retention } = settings
  const availableAt = body.not_before === undefined ? undefined : readNotBefore(body.not_before, now)
  const { start_timeout_s } = body
  return {
    priority: priorityFor(caller, body.priority, 'normal'),
    maxAttempts: body.max_attempts ?? retry.max_attempts,
    availableAt,
    startBy: start_timeout_s === undefined ? undefined : (availableAt ?? now) + start_timeout_s * secondMs,
    runTimeoutMs: (body.run_timeout_s ?? limits.run_timeout_s) * secondMs,
    retentionMs: (body.retention_s ?? retention.job_s) * secondMs,
    metadata: wellFormed(body.metadata)
  }
}

/** What is no Unicode would not come out of the store as it went in. */
function wellFormed(metadata: CreateBody['metadata']): CreateBody['metadata'] {
  const isWellFormed = Object.entries(metadata ?? {})
    .flat()
    .every(text => text.isWellFormed())
  if (!isWellFormed) throw faultAt('/metadata', 'must be well-formed Unicode')
  return metadata
}

/** Undefined where it has passed. */
function readNotBefore(text: string, now: number): number | undefined {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw faultAt('/not_before', 'is no time that can be read')
  if (at > now + longestDelayMs) throw faultAt('/not_before', 'lies more than 7 days ahead')
  return at > now ? at : undefined
}
