/**
 * Everybody who follows jobs by a connection that stays, whatever the transport: joins them to the event log and hands out
 * what is stored. Offered as `app.followers`. Handing out to very many takes its time, so it is done a few at a time.
 */
import { EventEmitter } from 'node:events'
import type { Database } from 'better-sqlite3'
import type { Caller } from '../access/caller.ts'
import type { JobBus, JobEvent } from '../jobs/events.ts'
import type { Job } from '../jobs/job.ts'
import { type Epochs, lastPlace, type Place } from '../jobs/places.ts'
import { CallerFeed, type Feed, type Filter, JobFeed } from './feeds.ts'
import { Follower, type Sink } from './follower.ts'
import { gapForCaller, gapOfJob } from './gaps.ts'
import type { LiveEvent } from './live-event.ts'
import { SharedLog } from './shared-log.ts'

/** Followers that are handed an event in one turn of the event loop: about half a millisecond. */
const perTurn = 50
/** Events that wait to be handed out; beyond that followers read them from the log. */
const mostWaiting = 256
/** Of those, from when on nothing is added that nobody is owed. */
const enoughWaiting = 64

/** Where to begin: behind a place, or with what comes from now on. */
export type From<P> = P | 'latest'

interface Comings {
  /** There is one more, who wants what is not stored too. */
  joined: [follower: Follower]
  /** None of those is left. */
  empty: []
}

/** An event on its way to followers. */
interface Handing {
  readonly give: (follower: Follower) => void
  readonly followers: Follower[]
  /** Whether it is stored, so that who misses it can read it. */
  readonly isKept: boolean
}

/** Keeps them all, and tells of those that take what is not stored. A listener must not throw. */
export class Followers extends EventEmitter<Comings> {
  readonly #db: Database
  readonly #log: SharedLog
  readonly #epochs: Epochs
  readonly #byJob = new Map<string | undefined, Set<Follower>>()
  #waiting: Handing[] = []
  #takeLive = 0
  #handing: NodeJS.Immediate | undefined

  constructor(db: Database, bus: JobBus, epochs: Epochs) {
    super()
    this.#db = db
    this.#log = new SharedLog(db)
    this.#epochs = epochs
    bus.on('stored', event => this.#stored(event))
  }

  /** How many there are. */
  get size(): number {
    return [...this.#byJob.values()].reduce((sum, followers) => sum + followers.size, 0)
  }

  /** The jobs that are followed by themselves or by name. */
  get jobIds(): ReadonlySet<string> {
    const named = [...(this.#byJob.get(undefined) ?? [])].flatMap(({ feed }) => [...(feed.jobIds ?? [])])
    const followed = [...this.#byJob.keys()].filter(jobId => jobId !== undefined)
    return new Set([...followed, ...named])
  }

  /** Whether somebody follows whatever jobs there are. */
  get followsAll(): boolean {
    return [...(this.#byJob.get(undefined) ?? [])].some(({ feed }) => feed.jobIds === undefined)
  }

  /** Whether an event that is not stored would reach anybody. */
  want(event: LiveEvent): boolean {
    if (event.jobId !== undefined && this.#byJob.has(event.jobId)) return true
    return [...(this.#byJob.get(undefined) ?? [])].some(({ feed }) => feed.hasLive(event))
  }

  /** Hands out an event that is not stored. @returns whether it did: not where much is on its way already */
  tell(event: LiveEvent): boolean {
    if (this.#waiting.length >= enoughWaiting) return false
    const ofAll = [...(this.#byJob.get(undefined) ?? [])].filter(({ feed }) => feed.hasLive(event))
    const ofJob = event.jobId === undefined ? [] : (this.#byJob.get(event.jobId) ?? [])
    const followers = [...ofJob, ...ofAll].filter(({ takesLive }) => takesLive)
    this.#handLater({ followers, give: follower => follower.offerLive(event), isKept: false })
    return true
  }

  /** Follows a job from behind the event with the `seq`, 0 for its whole story. It may have ended. */
  ofJob(job: Job, after: From<number>, sink: Sink): Follower {
    const from = after === 'latest' ? job.eventSeq : after
    const gap = gapOfJob(this.#db, job, from)
    return this.#join(new JobFeed(this.#log, job), gap?.from ?? from, sink, gap?.gap)
  }

  /** Follows all that the caller may see; undefined: from the oldest event that is kept. */
  ofAll(caller: Caller, filter: Filter, after: From<Place> | undefined, sink: Sink): Follower {
    const feed = new CallerFeed(this.#log, caller, filter)
    if (after === 'latest') return this.#join(feed, lastPlace(this.#db), sink)
    if (after === undefined) return this.#join(feed, 0, sink)
    const gap = gapForCaller(this.#db, this.#epochs, caller, after)
    return this.#join(feed, gap?.from ?? after.n, sink, gap?.gap)
  }

  #join(feed: Feed, from: number, sink: Sink, gap?: Parameters<Follower['start']>[0]): Follower {
    const followers = this.#byJob.get(feed.jobId) ?? new Set()
    const follower = new Follower(feed, from, sink, () => {
      followers.delete(follower)
      if (follower.takesLive) this.#left()
      if (followers.size === 0 && this.#byJob.get(feed.jobId) === followers) this.#byJob.delete(feed.jobId)
    })
    this.#byJob.set(feed.jobId, followers.add(follower))
    if (follower.takesLive) {
      this.#takeLive += 1
      this.emit('joined', follower)
    }
    follower.start(gap)
    return follower
  }

  #left(): void {
    this.#takeLive -= 1
    if (this.#takeLive === 0) this.emit('empty')
  }

  #stored(event: JobEvent): void {
    const ofAll = [...(this.#byJob.get(undefined) ?? [])].filter(({ feed }) => feed.has(event))
    const followers = [...(this.#byJob.get(event.jobId) ?? []), ...ofAll]
    this.#handLater({ followers, give: follower => follower.offer(event), isKept: true })
  }

  #handLater(handing: Handing): void {
    if (handing.followers.length === 0) return
    if (this.#waiting.length >= mostWaiting) this.#giveUp()
    this.#waiting.push(handing)
    if (this.#handing === undefined) this.#handing = setImmediate(() => this.#handOut())
  }

  #handOut(): void {
    this.#handing = undefined
    const first = this.#waiting[0]
    if (first === undefined) return
    for (const follower of first.followers.splice(0, perTurn)) first.give(follower)
    if (first.followers.length === 0) this.#waiting.shift()
    if (this.#waiting.length > 0) this.#handing = setImmediate(() => this.#handOut())
  }

  #giveUp(): void {
    const kept = this.#waiting.filter(({ isKept }) => isKept)
    const missed = new Set(kept.flatMap(({ followers }) => followers))
    this.#waiting = []
    for (const follower of missed) follower.missed()
  }
}
