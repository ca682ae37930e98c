/** Tells followers how far working jobs are. Few work at a time, so each is looked at every time. */
import type { Database, Statement } from 'better-sqlite3'
import type { Job } from '../jobs/job.ts'
import type { RunProgress } from '../queue/answer.ts'
import type { JobQueue } from '../queue/job-queue.ts'
import type { Followers } from './followers.ts'
import type { LiveEvent } from './live-event.ts'

/** What it works with. */
export interface ProgressParts {
  readonly db: Database
  readonly queue: Pick<JobQueue, 'busy' | 'progressOf'> & {
    readonly embeds: { readonly status: { readonly running: number } }
  }
  readonly followers: Pick<Followers, 'want' | 'tell'>
}

type Working = Pick<Job, 'id' | 'owner' | 'attempt'>

// The first half is the condition of the index, without which every job there is would be read.
const working = `SELECT id, owner, attempt FROM job
  WHERE state IN ('loading', 'working', 'canceling') AND state = 'working'`

/** How far each was when it was told last. */
export class LiveProgress {
  readonly #parts: ProgressParts
  readonly #working: Statement
  #told = new Map<string, string>()

  constructor(parts: ProgressParts) {
    this.#parts = parts
    this.#working = parts.db.prepare(working)
  }

  /** Tells of those that have got further. `now` in ms since 1970. */
  look(now: number): void {
    const { queue } = this.#parts
    const works = queue.busy || queue.embeds.status.running > 0
    const before = this.#told
    this.#told = new Map()
    for (const job of works ? (this.#working.all() as Working[]) : [])
      this.#lookAt(job, before.get(job.id), now)
  }

  #lookAt({ id, owner, attempt }: Working, last: string | undefined, createdAt: number): void {
    const { queue, followers } = this.#parts
    const progress = queue.progressOf(id)
    if (progress === undefined) return
    const event: LiveEvent = {
      ...{ type: 'job.progress', jobId: id, owner, attempt, createdAt },
      data: dataOf(progress)
    }
    const now = `${attempt} ${JSON.stringify(event.data)}`
    if (now === last || (followers.want(event) && followers.tell(event))) this.#told.set(id, now)
  }
}

function dataOf({ inputs, answer }: RunProgress): LiveEvent['data'] {
  if (inputs !== undefined) return { ...inputs }
  return { tokens: answer?.tokens ?? 0, tokens_per_s: answer?.tokensPerS ?? null }
}
