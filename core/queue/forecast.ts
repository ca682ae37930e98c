/** Guesses how long a queued job has to wait, from what runs and loads took so far. */
import type { QueueDepth } from '../jobs/depth.ts'
import type { Job } from '../jobs/job.ts'
import type { WaitingJobs } from '../jobs/waiting.ts'
import type { Dispatcher } from './dispatcher.ts'

/** What a caller may be told about an accepted job: an estimate. */
export interface Forecast {
  /** Jobs that are likely to run before it. */
  readonly position: number
  /** ms since 1970. */
  readonly estimatedStartAt: number
}

/** What a forecast is made from. */
export interface ForecastParts {
  readonly dispatcher: Dispatcher
  readonly depth: QueueDepth
  readonly waiting: WaitingJobs
  /** Whether a job is on the target now. */
  readonly busy: boolean
}

/** For a job that came in just now: those before it are known without a look at the rows. */
export function forecastLast(job: Job, parts: ForecastParts): Forecast {
  const { dispatcher, depth } = parts
  const stays = dispatcher.resident === job.runner
  return forecast(job, (stays ? depth.of(job.runner) : depth.total) - 1, parts)
}

/** For any queued job: those of its runner that are due earlier, after all of the resident one. */
export function forecastAny(job: Job, parts: ForecastParts): Forecast {
  const { resident } = parts.dispatcher
  const others = resident === undefined || resident === job.runner ? 0 : parts.depth.of(resident)
  return forecast(job, others + parts.waiting.countBefore(job), parts)
}

function forecast(job: Job, waitingBefore: number, { dispatcher, busy }: ForecastParts): Forecast {
  const { loadMs, runMs } = dispatcher.expected(job.runner)
  const position = waitingBefore + (busy ? 1 : 0)
  const swapMs = dispatcher.resident === job.runner ? 0 : loadMs
  const soonest = Math.max(Date.now(), job.availableAt)
  return { position, estimatedStartAt: Math.max(soonest, Date.now() + position * runMs + swapMs) }
}
