/** Lets jobs that arrive together share one commit, so that each of them does not wait for a flush of its own. */
import type { Job } from '../jobs/job.ts'
import type { Acceptance } from '../jobs/store.ts'
import type { Submission } from './intake.ts'

interface Arrival {
  readonly job: Submission
  readonly resolve: (job: Job) => void
  readonly reject: (error: unknown) => void
}

/** Gathers the jobs of one turn of the event loop. */
export class SharedCommits {
  readonly #commit: (jobs: readonly Submission[]) => readonly Acceptance[]
  #arrivals: Arrival[] = []

  /** `commit` takes jobs in, each for itself, and gives an outcome for each in their order. It does not throw. */
  constructor(commit: (jobs: readonly Submission[]) => readonly Acceptance[]) {
    this.#commit = commit
  }

  /** Settles when the commit that the job shares is on the disk. */
  add(job: Submission): Promise<Job> {
    return new Promise((resolve, reject) => {
      // After the poll phase: all requests that lay in the sockets have been read by then.
      if (this.#arrivals.length === 0) setImmediate(() => this.#flush())
      this.#arrivals.push({ job, resolve, reject })
    })
  }

  #flush(): void {
    const arrivals = this.#arrivals
    this.#arrivals = []
    const outcomes = this.#commit(arrivals.map(({ job }) => job))
    for (const [index, { resolve, reject }] of arrivals.entries()) {
      const outcome = outcomes[index]!
      if ('error' in outcome) reject(outcome.error)
      else resolve(outcome.job)
    }
  }
}
