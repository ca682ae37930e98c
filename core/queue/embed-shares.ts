/**
 * Attached embedding calls that wait, by owner: each owner in turn gives its oldest one, so that nobody who sends
 * thousands keeps the others waiting. In memory alone, as their callers are.
 */
import type { JobBus } from '../jobs/events.ts'
import type { Job } from '../jobs/job.ts'

/** Follows the jobs of one lane. */
export class EmbedShares {
  /** The owner whose turn it is comes first. */
  readonly #byOwner = new Map<string, Map<string, Job>>()
  readonly #lane: string
  #size = 0

  constructor(bus: JobBus, lane: string) {
    this.#lane = lane
    bus.on('event', (_event, job) => {
      if (job.lane !== lane) return
      if (job.state === 'queued') this.#add(job)
      else if (job.previousState === 'queued') this.#remove(job)
    })
  }

  /** How many wait. */
  get size(): number {
    return this.#size
  }

  /** The one whose turn it is. */
  first(): Job | undefined {
    const [jobs] = this.#byOwner.values()
    return jobs?.values().next().value
  }

  /** Takes it out, and its owner is last in the round. */
  take(job: Job): void {
    this.#remove(job)
    const others = this.#byOwner.get(job.owner)
    if (others === undefined) return
    this.#byOwner.delete(job.owner)
    this.#byOwner.set(job.owner, others)
  }

  /** These wait now, and no others: jobs have come from another lane, or went there. */
  replace(jobs: readonly Job[]): void {
    this.#byOwner.clear()
    this.#size = 0
    for (const job of jobs) if (job.lane === this.#lane) this.#add(job)
  }

  #add(job: Job): void {
    const jobs = this.#byOwner.get(job.owner) ?? new Map<string, Job>()
    if (!jobs.has(job.id)) this.#size += 1
    jobs.set(job.id, job)
    this.#byOwner.set(job.owner, jobs)
  }

  #remove({ owner, id }: Job): void {
    const jobs = this.#byOwner.get(owner)
    if (!jobs?.delete(id)) return
    this.#size -= 1
    if (jobs.size === 0) this.#byOwner.delete(owner)
  }
}
