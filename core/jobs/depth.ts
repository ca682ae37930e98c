/** How many jobs wait, in all and for each runner: a view of the event log, so that nobody has to count rows. */
import type { Database } from 'better-sqlite3'
import type { JobBus, JobEvent } from './events.ts'
import type { Job } from './job.ts'

// Each half is answered from an index of its own; over the whole table a start with a million jobs would drag.
const countAll = `SELECT runner, count(*) AS jobs FROM job WHERE ready = 1 GROUP BY lane, runner
  UNION ALL SELECT runner, count(*) FROM job WHERE state = 'queued' AND ready = 0 GROUP BY runner`

/** Counts queued jobs, those that wait for a retry included. */
export class QueueDepth {
  readonly #byRunner = new Map<string, number>()
  #total = 0

  constructor(db: Database, bus: JobBus) {
    for (const { runner, jobs } of db.prepare(countAll).all() as { runner: string; jobs: number }[]) {
      this.#add(runner, jobs)
    }
    bus.on('event', (event, job) => this.#follow(event, job))
  }

  /** All queued jobs. */
  get total(): number {
    return this.#total
  }

  /** Queued jobs of one runner. */
  of(runner: string): number {
    return this.#byRunner.get(runner) ?? 0
  }

  /** Waiting jobs of one runner now belong to another. */
  renamed(from: string, to: string, jobs: number): void {
    this.#add(from, -jobs)
    this.#add(to, jobs)
  }

  #follow(event: JobEvent, job: Job): void {
    if (event.type === 'job.queued' || event.type === 'job.retrying') this.#add(job.runner, 1)
    else if (job.previousState === 'queued') this.#add(job.runner, -1)
  }

  #add(runner: string, jobs: number): void {
    this.#total += jobs
    const left = this.of(runner) + jobs
    if (left === 0) this.#byRunner.delete(runner)
    else this.#byRunner.set(runner, left)
  }
}
