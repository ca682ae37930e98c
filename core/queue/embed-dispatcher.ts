/**
 * The dispatcher of the embed lane: says which embedding is next. It swaps nothing: what these jobs need is loaded, or
 * they wait.
 *
 * Attached calls and durable jobs are two lists. Of their heads the one that is due earlier goes first, so a backlog of
 * jobs lets callers pass until its patience is over.
 */
import type { JobBus } from '../jobs/events.ts'
import type { Job } from '../jobs/job.ts'
import type { JobStore } from '../jobs/store.ts'
import type { Head, WaitingJobs } from '../jobs/waiting.ts'
import { EmbedShares } from './embed-shares.ts'
import type { Embedder } from './embedder.ts'
import type { Assignment } from './worker.ts'

/** The lane of durable embeddings with the embedder's runner. */
export const embedLane = 'embed'
/** That of attached ones. */
export const bypassLane = 'bypass'

/** What it works with. */
export interface EmbedDispatcherParts {
  readonly store: JobStore
  readonly waiting: WaitingJobs
  readonly bus: JobBus
  readonly embedder: Pick<Embedder, 'serves' | 'takes'>
  /** Most durable jobs at a time: an attached call must find room beside them. */
  readonly mostDurable: number
  /** ms since 1970. */
  readonly now: () => number
  /** Whether the target can be spoken to. */
  readonly isUp: () => boolean
  /** Ask again at this time, ms since 1970. */
  readonly wakeAt: (at: number | undefined) => void
}

/** Gives out jobs of both lists. */
export class EmbedDispatcher {
  readonly #parts: EmbedDispatcherParts
  /** The attached calls that wait. */
  readonly shares: EmbedShares
  #open = false
  #durable = 0
  /** A look found no durable job that may run, and nothing has changed since: most calls are attached ones. */
  #noneDurable = false

  constructor(parts: EmbedDispatcherParts) {
    this.#parts = parts
    this.shares = new EmbedShares(parts.bus, bypassLane)
  }

  /** Begins to give out work. */
  open(): void {
    this.#open = true
  }

  /** Gives out nothing more. */
  shut(): void {
    this.#open = false
    this.#parts.wakeAt(undefined)
  }

  /** Something may have changed in the store. */
  changed(): void {
    this.#noneDurable = false
  }

  /** The next assignment, its job marked as taken; undefined when nothing may run now. */
  next(): Assignment | undefined {
    const { embedder, isUp } = this.#parts
    if (!this.#open || !embedder.serves || !isUp()) return undefined
    const attached = this.shares.first()
    const durable = this.#durableHead()
    if (attached === undefined) return durable && this.#take(this.#firstOf(durable))
    const first = durable === undefined || attached.dueAt <= durable.dueAt ? attached : this.#firstOf(durable)
    return this.#take(first)
  }

  /** The attempt is over. */
  ran({ attached }: Job): void {
    if (attached) return
    this.#durable -= 1
    this.#noneDurable = false
  }

  #durableHead(): Head | undefined {
    const { waiting, now, embedder, mostDurable, wakeAt } = this.#parts
    if (this.#noneDurable || this.#durable >= mostDurable) return undefined
    let availableAt = waiting.nextAvailableAt()
    if (availableAt !== undefined && availableAt <= now()) {
      waiting.promote(now())
      availableAt = waiting.nextAvailableAt()
    }
    wakeAt(availableAt)
    const heads = waiting.heads(embedLane).filter(({ runner }) => embedder.takes(runner))
    this.#noneDurable = heads.length === 0
    if (this.#noneDurable) return undefined
    return heads.reduce((best, head) => (head.dueAt < best.dueAt ? head : best))
  }

  #firstOf(head: Head): Job | undefined {
    return this.#parts.waiting.first(embedLane, head)
  }

  #take(job: Job | undefined): Assignment | undefined {
    if (job === undefined) return undefined
    const { store, now } = this.#parts
    if (job.attached) this.shares.take(job)
    const change = { attempt: job.attempt + 1, startedAt: now(), firstTokenAt: null, error: null }
    const taken = store.move(job, 'working', change)
    if (!job.attached) this.#durable += 1
    return { id: taken.id, job: taken, swap: false }
  }
}
