/** Callers that wait for a job to change: woken by its events, never by a clock but their own. */
import type { JobBus } from '../../core/jobs/events.ts'
import type { Job } from '../../core/jobs/job.ts'
import type { Telemetry } from '../../core/telemetry.ts'

interface Waiter {
  readonly enough: (job: Job) => boolean
  readonly wake: () => void
}

/** One listener on the bus for all of them. */
export class Waiters {
  readonly #byJob = new Map<string, Set<Waiter>>()
  readonly #telemetry: Telemetry
  #closed = false

  constructor(bus: JobBus, telemetry: Telemetry) {
    this.#telemetry = telemetry
    bus.on('event', (_event, job) => {
      for (const waiter of this.#byJob.get(job.id) ?? []) if (waiter.enough(job)) waiter.wake()
    })
  }

  /**
   * Resolves at the first event that leaves the job so that `enough` holds, after `waitMs`, when `gone` aborts, or at
   * the end of foreman: look at the job then. What was before the call does not count.
   */
  wait(jobId: string, enough: Waiter['enough'], waitMs: number, gone: AbortSignal): Promise<void> {
    if (this.#closed || gone.aborted || waitMs <= 0) return Promise.resolve()
    return new Promise(resolve => {
      const wake = () => {
        clearTimeout(timer)
        gone.removeEventListener('abort', wake)
        this.#remove(jobId, waiter)
        this.#telemetry.emit('streams', 'longpoll', -1)
        resolve()
      }
      const waiter = { enough, wake }
      const timer = setTimeout(wake, waitMs)
      gone.addEventListener('abort', wake)
      this.#add(jobId, waiter)
      this.#telemetry.emit('streams', 'longpoll', 1)
    })
  }

  /** Wakes everybody; nobody waits any more. */
  close(): void {
    this.#closed = true
    for (const waiters of this.#byJob.values()) for (const { wake } of waiters) wake()
  }

  #add(jobId: string, waiter: Waiter): void {
    const waiters = this.#byJob.get(jobId) ?? new Set()
    this.#byJob.set(jobId, waiters.add(waiter))
  }

  #remove(jobId: string, waiter: Waiter): void {
    const waiters = this.#byJob.get(jobId)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.#byJob.delete(jobId)
  }
}
