/** Tells followers where their queued jobs stand. A forecast costs, so they take their turns, as many as there is time for. */
import type { Database, Statement } from 'better-sqlite3'
import type { QueueDepth } from '../jobs/depth.ts'
import type { Job } from '../jobs/job.ts'
import type { JobStore } from '../jobs/store.ts'
import type { JobQueue } from '../queue/job-queue.ts'
import type { Feed } from './feeds.ts'
import type { Followers } from './followers.ts'
import type { LiveEvent } from './live-event.ts'

/** Shortest time between two of one job, in ms. */
const pauseMs = 2000
/** Waiting jobs that are looked at for those who follow all. */
const mostOfAll = 1000
/** An estimate that moves by less than this many ms, or than this part of the wait, has not changed. */
const leastMove = { ms: 2000, part: 0.1 }

/** What it works with. */
export interface PositionParts {
  readonly db: Database
  readonly jobs: Pick<JobStore, 'get'>
  readonly depth: Pick<QueueDepth, 'total'>
  readonly queue: Pick<JobQueue, 'starts'> & { readonly forecaster: Pick<JobQueue['forecaster'], 'of'> }
  readonly followers: Pick<Followers, 'jobIds' | 'followsAll' | 'want' | 'tell'>
}

/** What was told last of each job that is followed. */
export class LivePositions {
  readonly #parts: PositionParts
  readonly #ready: Statement
  #told = new Map<string, LiveEvent>()
  /** Those whose turn is still to come. */
  #round: string[] = []
  #begunAt = Number.NEGATIVE_INFINITY

  constructor(parts: PositionParts) {
    this.#parts = parts
    this.#ready = parts.db.prepare('SELECT id FROM job WHERE ready = 1 LIMIT ?').pluck()
  }

  /** What was told of the jobs of one who has just come; a job of which nothing was told yet is looked at next. */
  newsFor(feed: Pick<Feed, 'jobId' | 'hasLive'>): LiveEvent[] {
    const { jobId } = feed
    if (jobId === undefined) return [...this.#told.values()].filter(event => feed.hasLive(event))
    const last = this.#told.get(jobId)
    if (last === undefined) this.#round.push(jobId)
    return last === undefined ? [] : [last]
  }

  /** Looks at one job, and at further ones while there is time. `now` in ms since 1970. */
  look(now: number, hasTime: () => boolean): void {
    if (this.#parts.depth.total === 0) return this.forget()
    if (this.#round.length === 0) this.#begin(now)
    while (this.#round.length > 0) {
      this.#lookAt(this.#round.pop()!, now)
      if (!hasTime()) return
    }
  }

  /** Nobody follows any more, or nothing waits. */
  forget(): void {
    this.#told.clear()
    this.#round = []
  }

  #begin(now: number): void {
    if (now - this.#begunAt < pauseMs) return
    this.#begunAt = now
    const { followers } = this.#parts
    const ids = new Set(followers.jobIds)
    if (followers.followsAll) for (const id of this.#ready.all(mostOfAll)) ids.add(id as string)
    this.#told = new Map([...this.#told].filter(([id]) => ids.has(id)))
    // Taken from the end.
    this.#round = [...ids].reverse()
  }

  #lookAt(id: string, now: number): void {
    const job = this.#parts.jobs.get(id)
    const last = this.#told.get(id)
    if (job?.state !== 'queued') return void this.#told.delete(id)
    if (last !== undefined && now - last.createdAt < pauseMs) return
    const { followers } = this.#parts
    if (!followers.want(eventOf(job, now, {}))) return
    const event = eventOf(job, now, this.#dataOf(job))
    if (hasChanged(last, event) && followers.tell(event)) this.#told.set(id, event)
  }

  #dataOf(job: Job): LiveEvent['data'] {
    const { queue } = this.#parts
    const { position, estimatedStartAt } = queue.forecaster.of(job)
    const startsAt = queue.starts ? new Date(estimatedStartAt).toISOString() : null
    return { position, estimated_start_at: startsAt }
  }
}

function eventOf({ id, owner, attempt }: Job, createdAt: number, data: LiveEvent['data']): LiveEvent {
  return { type: 'queue.position', jobId: id, owner, attempt, createdAt, data }
}

function hasChanged(last: LiveEvent | undefined, { attempt, createdAt, data }: LiveEvent): boolean {
  if (last === undefined || last.attempt !== attempt || last.data.position !== data.position) return true
  const [before, after] = [last.data.estimated_start_at, data.estimated_start_at]
  if (typeof before !== 'string' || typeof after !== 'string') return before !== after
  const moved = Math.abs(Date.parse(after) - Date.parse(before))
  return moved > Math.max(leastMove.ms, leastMove.part * (Date.parse(after) - createdAt))
}
