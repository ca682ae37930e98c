/**
 * How many jobs wait, in all, for each runner, of each class and of each owner: a view of the event log, so that nobody
 * has to count rows.
 */
import type { Database } from 'better-sqlite3'
import type { JobBus, JobEvent } from './events.ts'
import type { Job } from './job.ts'
import type { Priority } from './priority.ts'

// Each half is answered from an index of its own; over the whole table a start with a million jobs would drag.
const countAll = `SELECT runner, priority, count(*) AS jobs FROM job WHERE ready = 1 GROUP BY lane, runner, priority
  UNION ALL SELECT runner, priority, count(*) FROM job WHERE state = 'queued' AND ready = 0 GROUP BY runner, priority`

// By itself: together with runners and classes it would take three times as long as the two.
const countOwners = `SELECT owner, sum(jobs) AS jobs FROM (
    SELECT owner, count(*) AS jobs FROM job WHERE ready = 1 GROUP BY owner
    UNION ALL SELECT owner, count(*) FROM job WHERE state = 'queued' AND ready = 0 GROUP BY owner)
  GROUP BY owner`

const none: Readonly<Record<Priority, number>> = { interactive: 0, normal: 0, batch: 0 }

interface Counted extends Pick<Job, 'runner' | 'priority'> {
  readonly jobs: number
}

interface Share extends Pick<Job, 'owner'> {
  readonly jobs: number
}

/** Counts queued jobs, those that wait for a retry included. */
export class QueueDepth {
  readonly #byRunner = new Map<string, Record<Priority, number>>()
  readonly #byPriority: Record<Priority, number> = { ...none }
  readonly #byOwner = new Map<string, number>()

  constructor(db: Database, bus: JobBus) {
    for (const counted of db.prepare(countAll).all() as Counted[]) this.#add(counted, counted.jobs)
    for (const { owner, jobs } of db.prepare(countOwners).all() as Share[]) this.#byOwner.set(owner, jobs)
    bus.on('event', (event, job) => this.#follow(event, job))
  }

  /** All queued jobs. */
  get total(): number {
    return sum(this.#byPriority)
  }

  /** All queued jobs, by class. */
  get byPriority(): Readonly<Record<Priority, number>> {
    return { ...this.#byPriority }
  }

  /** Queued jobs of one owner, those whose caller holds the connection included. */
  ofOwner(owner: string): number {
    return this.#byOwner.get(owner) ?? 0
  }

  /** Queued jobs of one runner. */
  of(runner: string): number {
    return sum(this.classesOf(runner))
  }

  /** Queued jobs of one runner, by class. */
  classesOf(runner: string): Readonly<Record<Priority, number>> {
    return this.#byRunner.get(runner) ?? none
  }

  /** Runners that jobs wait for. */
  get runners(): readonly string[] {
    return [...this.#byRunner.keys()]
  }

  /** Waiting jobs of one runner now belong to another. */
  renamed(from: string, to: string, priority: Priority, jobs: number): void {
    this.#addToRunner(from, priority, -jobs)
    this.#addToRunner(to, priority, jobs)
  }

  #follow(event: JobEvent, job: Job): void {
    if (event.type === 'job.queued' || event.type === 'job.retrying') this.#move(job, 1)
    else if (job.previousState === 'queued') this.#move(job, -1)
  }

  #move(job: Job, jobs: 1 | -1): void {
    this.#add(job, jobs)
    const left = this.ofOwner(job.owner) + jobs
    if (left === 0) this.#byOwner.delete(job.owner)
    else this.#byOwner.set(job.owner, left)
  }

  #add({ runner, priority }: Pick<Job, 'runner' | 'priority'>, jobs: number): void {
    this.#byPriority[priority] += jobs
    this.#addToRunner(runner, priority, jobs)
  }

  #addToRunner(runner: string, priority: Priority, jobs: number): void {
    const classes = this.#byRunner.get(runner) ?? { ...none }
    classes[priority] += jobs
    if (sum(classes) === 0) this.#byRunner.delete(runner)
    else this.#byRunner.set(runner, classes)
  }
}

function sum({ interactive, normal, batch }: Readonly<Record<Priority, number>>): number {
  return interactive + normal + batch
}
