/**
 * One reader of the event log that stays: it gets what is there, then what comes, each event once and in order.
 *
 * While it keeps up, events are handed to it as they are stored. One that does not is handed nothing more: when it has taken
 * what it got, it reads on in the log, so that nothing waits for it in memory, and goes live again at the end of the log.
 */
import type { JobEvent } from '../jobs/events.ts'
import type { Feed, Gap } from './feeds.ts'
import type { LiveEvent } from './live-event.ts'

/** Events that are read at a time. */
const pageSize = 64

/** Where a follower's events go: one connection, or one subscription on it. Nothing here throws. */
export interface Sink {
  /** Whether so much waits to be sent that it takes nothing now. {@link Follower.drained} says when it does again. */
  readonly isFull: boolean
  /** The next event. */
  event(event: JobEvent): void
  /** Something is missing before the next event. */
  gap(gap: Gap): void
  /** Nothing comes any more: the followed job has ended and its last event was handed over. */
  ended(): void
  /** Nothing comes any more: the followed job was removed before its last event was handed over. */
  gone?(): void
  /** It does not keep up, and reads the log from here on. */
  fellBehind?(): void
  /** Something that is not stored. Not called while it is full, nor before it has read the log to its end. */
  live?(event: LiveEvent): void
}

/** Follows until the end of its feed, or until it is stopped. */
export class Follower {
  readonly feed: Feed
  readonly #sink: Sink
  readonly #leave: () => void
  /** Everything up to here was handed over. */
  #at: number
  #isLive = false
  #isOver = false
  #soon: NodeJS.Immediate | undefined

  /**
   * @param from place after which it begins
   * @param leave called once, when it is over
   */
  constructor(feed: Feed, from: number, sink: Sink, leave: () => void) {
    this.feed = feed
    this.#at = from
    this.#sink = sink
    this.#leave = leave
  }

  /** Hands over what is there. */
  start(gap?: Gap): void {
    if (gap !== undefined) this.#sink.gap(gap)
    this.#read()
  }

  /** An event of its feed was stored. */
  offer(event: JobEvent): void {
    if (!this.#isLive || this.feed.placeOf(event) <= this.#at) return
    if (!this.#sink.isFull) return this.#hand(event)
    this.#isLive = false
    this.#sink.fellBehind?.()
  }

  /** Something happened that is not stored; one that does not keep up is not told. */
  offerLive(event: LiveEvent): void {
    if (this.#isLive && !this.#sink.isFull) this.#sink.live?.(event)
  }

  /** Whether it wants what is not stored. */
  get takesLive(): boolean {
    return this.#sink.live !== undefined
  }

  /** What the sink had was taken: it is not full any more. */
  drained(): void {
    if (!this.#isLive) this.#readSoon()
  }

  /** More was stored than it was handed: it looks for itself. */
  missed(): void {
    this.#isLive = false
    this.#readSoon()
  }

  /** Nothing more is handed over. */
  stop(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#isLive = false
    clearImmediate(this.#soon)
    this.#leave()
  }

  #readSoon(): void {
    if (this.#isOver) return
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined
      this.#read()
    })
  }

  // A page at a time: a long log must not hold up everybody else.
  #read(): void {
    if (this.#isOver || this.#sink.isFull) return
    const { events, upTo } = this.feed.read(this.#at, pageSize)
    for (const event of events) {
      this.#hand(event)
      if (this.#isOver || this.#sink.isFull) return
    }
    if (upTo === undefined) return this.#goLive()
    this.#at = upTo
    this.#readSoon()
  }

  #goLive(): void {
    this.#isLive = true
    if (!this.feed.isGone()) return
    this.stop()
    this.#sink.gone?.()
  }

  #hand(event: JobEvent): void {
    this.#at = this.feed.placeOf(event)
    this.#sink.event(event)
    if (!this.#isOver && this.feed.isLast(event)) {
      this.stop()
      this.#sink.ended()
    }
  }
}
