/** What one socket follows by one name: a job, or all jobs. */
import type { FastifyInstance } from 'fastify'
import type { Gap } from '../../core/follow/feeds.ts'
import type { Follower, Sink } from '../../core/follow/follower.ts'
import type { LiveEvent } from '../../core/follow/live-event.ts'
import type { JobEvent } from '../../core/jobs/events.ts'
import type { Connection } from './connection.ts'
import { eventFrame } from './event-frames.ts'

/** What it is made for. */
export interface SubscriptionParts {
  readonly app: Pick<FastifyInstance, 'eventObjects' | 'telemetry'>
  readonly connection: Connection
  /** Its name on the socket. */
  readonly sub: string
  /** The id of an event in what it follows. */
  readonly idOf: (event: JobEvent) => string
  /** Its job has ended, and all of it was told. */
  readonly onEnd: () => void
  /** Its job was removed before all of it was told. */
  readonly onGone: () => void
}

/** Tells what it follows, in frames with its name. */
export class Subscription implements Sink {
  readonly #parts: SubscriptionParts
  /** The beginning of each of its frames. */
  readonly #name: string
  #follower: Follower | undefined
  #isOver = false
  /** Whether something was missing when it began. */
  hadGap = false

  constructor(parts: SubscriptionParts) {
    this.#parts = parts
    this.#name = `"sub":${JSON.stringify(parts.sub)}`
  }

  get isFull(): boolean {
    return this.#parts.connection.isFull
  }

  /** Begins. `join` is called once, and may hand over events before it returns. */
  start(join: (sink: Sink) => Follower): void {
    const follower = join(this)
    if (this.#isOver || !this.#parts.connection.isOpen) follower.stop()
    else this.#follower = follower
  }

  /** The socket takes events again. */
  drained(): void {
    this.#follower?.drained()
  }

  /** Tells nothing more. */
  stop(): void {
    this.#isOver = true
    this.#follower?.stop()
  }

  event(event: JobEvent): void {
    const { app, idOf } = this.#parts
    this.#tell(event, `"id":"${idOf(event)}","event":`, app.eventObjects.textOf(event))
  }

  live(event: LiveEvent): void {
    this.#tell(event, '"event":', this.#parts.app.eventObjects.liveTextOf(event))
  }

  gap({ oldestSeq, snapshotSeq }: Gap): void {
    this.hadGap = true
    if (this.#isOver) return
    const places = `"oldest_seq":${oldestSeq},"snapshot_seq":${snapshotSeq}`
    this.#parts.connection.send(`{"op":"gap",${this.#name},${places}}`)
  }

  ended(): void {
    this.#isOver = true
    this.#parts.connection.send(`{"op":"end",${this.#name}}`)
    this.#parts.onEnd()
  }

  gone(): void {
    this.#isOver = true
    this.#parts.onGone()
  }

  fellBehind(): void {
    this.#parts.app.telemetry.emit('streamSlow', 'ws', 'pull')
  }

  #tell(event: object, head: string, text: string): void {
    if (this.#isOver) return
    const { app, connection } = this.#parts
    connection.send(eventFrame(event, `{"op":"event",${this.#name},${head}`, text))
    app.telemetry.emit('streamEvents', 'ws', 1)
  }
}
