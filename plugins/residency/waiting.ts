/** Waits for what the routes ask for: a job to end, a model to be gone. A client that leaves ends the wait. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Job } from '../../core/jobs/job.ts'
import { hasEnded } from '../../core/jobs/states.ts'

const firstLookMs = 10
const longestPauseMs = 500

/** The job when it has ended, or as it is after `waitMs`, or when `gone` aborts. */
export function untilEnded(
  { jobs, jobEvents }: Pick<FastifyInstance, 'jobs' | 'jobEvents'>,
  job: Job,
  waitMs: number,
  gone: AbortSignal
): Promise<Job> {
  const now = () => jobs.get(job.id) ?? job
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer)
      gone.removeEventListener('abort', end)
      jobEvents.off('event', listener)
      resolve(now())
    }
    const listener = (_event: unknown, { id, state }: Job) => {
      if (id === job.id && hasEnded(state)) end()
    }
    const timer = setTimeout(end, waitMs)
    gone.addEventListener('abort', end)
    jobEvents.on('event', listener)
    if (hasEnded(now().state)) end()
  })
}

/** Asks until `isSo`, with growing pauses, for `waitMs` at most. @returns whether it was in the end */
export async function until(
  isSo: () => Promise<boolean>,
  waitMs: number,
  gone: AbortSignal
): Promise<boolean> {
  const giveUpAt = performance.now() + waitMs
  for (let pauseMs = firstLookMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 1.5)) {
    if (await isSo()) return true
    if (gone.aborted || performance.now() + pauseMs > giveUpAt) return false
    await sleep(pauseMs, undefined, { signal: gone }).catch(() => {})
  }
}
