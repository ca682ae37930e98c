/**
 * What followers are told beside the log: where queued jobs stand, how far working ones are, what happens at the target.
 * Nothing of it is stored. While nobody follows there is no timer and no listener, and the work of a second is bounded.
 */
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { TargetEvent, TargetEvents } from '../target/target-events.ts'
import type { Follower } from './follower.ts'
import type { Followers } from './followers.ts'
import { LivePositions, type PositionParts } from './live-positions.ts'
import { LiveProgress, type ProgressParts } from './live-progress.ts'

/** From one look to the next, in ms. */
const lookMs = 1000
/** What a look may take, in ms, but for one forecast: a hundredth of the time. */
const longestLookMs = 10

/** What it works with. */
export interface LiveParts extends Omit<PositionParts & ProgressParts, 'followers'> {
  readonly followers: Followers
  readonly targetEvents: TargetEvents
  readonly log: FastifyBaseLogger
}

/** Looks every second while somebody follows who wants it. */
export class LiveEvents {
  readonly #parts: LiveParts
  readonly #positions: LivePositions
  readonly #progress: LiveProgress
  #newcomers: Follower[] = []
  #timer: NodeJS.Timeout | undefined
  readonly #joined = (follower: Follower) => this.#join(follower)
  readonly #empty = () => this.#rest()
  readonly #targetEvent = (event: TargetEvent) => this.#tellOfTarget(event)

  constructor(parts: LiveParts) {
    this.#parts = parts
    this.#positions = new LivePositions(parts)
    this.#progress = new LiveProgress(parts)
    parts.followers.on('joined', this.#joined).on('empty', this.#empty)
  }

  /** Tells nothing more, whoever comes. */
  close(): void {
    this.#parts.followers.off('joined', this.#joined).off('empty', this.#empty)
    this.#rest()
  }

  #join(follower: Follower): void {
    this.#newcomers.push(follower)
    if (this.#timer !== undefined) return
    this.#timer = setInterval(() => this.#look(), lookMs)
    this.#parts.targetEvents.on('event', this.#targetEvent)
  }

  #rest(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#parts.targetEvents.off('event', this.#targetEvent)
    this.#newcomers = []
    this.#positions.forget()
  }

  #look(): void {
    const endsAt = performance.now() + longestLookMs
    const hasTime = () => performance.now() < endsAt
    try {
      this.#progress.look(Date.now())
      this.#greet(hasTime)
      this.#positions.look(Date.now(), hasTime)
    } catch (err) {
      this.#parts.log.error({ err }, 'followers could not be told how their jobs are getting on')
    }
  }

  // What the others were told already is news to one who has just come.
  #greet(hasTime: () => boolean): void {
    while (this.#newcomers.length > 0 && hasTime()) {
      const follower = this.#newcomers.shift()!
      for (const event of this.#positions.newsFor(follower.feed)) follower.offerLive(event)
    }
  }

  #tellOfTarget({ type, created_at, data }: TargetEvent): void {
    this.#parts.followers.tell({ type, createdAt: Date.parse(created_at), data: { ...data } })
  }
}

/** From here on until foreman stops. */
export function addLiveEvents(app: FastifyInstance): void {
  const { db, jobs, queue, queueDepth: depth, followers, targetEvents, log } = app
  const live = new LiveEvents({ db, jobs, queue, depth, followers, targetEvents, log })
  app.addHook('preClose', async () => live.close())
}
