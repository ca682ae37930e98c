/** When to ask again: the `Retry-After` of answers that come before the end of a job, or before there is room for it. */
import type { Job } from '../jobs/job.ts'
import type { Forecast, JobQueue } from './job-queue.ts'

const [soonestS, latestS] = [1, 30]

/** A quarter of the time until it is likely to start, 1 s at least and 30 s at most; 1 s for one that has started. */
export function pollAfterS(queue: JobQueue, job: Job, forecast?: Forecast): number {
  if (job.state !== 'queued') return soonestS
  const { estimatedStartAt } = forecast ?? queue.forecaster.of(job)
  return pollHintS(estimatedStartAt - Date.now())
}

/** A quarter of the time until a start, 1 s at least and 30 s at most. */
export function pollHintS(startsInMs: number): number {
  return Math.min(latestS, Math.max(soonestS, Math.round(startsInMs / 4000)))
}
