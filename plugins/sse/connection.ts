/**
 * One connection on which events go out. It pushes as long as its client takes what it gets; what it does not take is not
 * gathered here but read from the log again (core/follow/follower.ts), and a client that takes nothing at all is cut.
 */
import type { FastifyReply } from 'fastify'
import { ownHeaders } from '../../core/answer-headers.ts'
import type { Gap } from '../../core/follow/feeds.ts'
import type { Follower, Sink } from '../../core/follow/follower.ts'
import type { LiveEvent } from '../../core/follow/live-event.ts'
import type { JobEvent } from '../../core/jobs/events.ts'
import type { Telemetry } from '../../core/telemetry.ts'
import {
  type EndReason,
  endFrame,
  type Frames,
  gapFrame,
  type Heartbeat,
  heartbeats,
  hello
} from './frames.ts'

/** What every connection keeps to. Times in ms. */
export interface Rules {
  readonly heartbeatMs: number
  readonly maxDurationMs: number
  /** Longest time without progress while bytes wait to be taken. */
  readonly stallMs: number
  /** Bytes that may wait before nothing more is pushed. */
  readonly bufferBytes: number
}

/** What goes out on one. */
export interface Subject {
  readonly frames: Frames
  readonly heartbeat: Heartbeat
  /** Joins it to the log. It may hand over events before it returns. */
  follow(sink: Sink): Follower
}

interface Ear {
  readonly telemetry: Telemetry
  /** An event went out. */
  readonly sent: () => void
}

const headers = {
  ...ownHeaders,
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // Of nginx and those that follow it: pass on what comes at once.
  'x-accel-buffering': 'no',
  connection: 'close'
} as const

/** Answers with the head of a stream alone. */
export function answerHead(reply: FastifyReply): FastifyReply {
  reply.hijack()
  reply.raw.writeHead(200, headersOf(reply)).end()
  return reply
}

/** The answer to one request. */
export class Connection implements Sink {
  /** Whether something is missing in what was sent. */
  hasGap = false
  readonly #raw: FastifyReply['raw']
  readonly #subject: Subject
  readonly #rules: Rules
  readonly #ear: Ear
  #follower: Follower | undefined
  #timers: NodeJS.Timeout[] = []
  /** Bytes wait to be taken. */
  #isWaiting = false
  #isOver = false

  constructor(reply: FastifyReply, subject: Subject, rules: Rules, ear: Ear) {
    this.#raw = reply.raw
    this.#subject = subject
    this.#rules = rules
    this.#ear = ear
    reply.hijack()
    this.#raw.on('drain', () => this.#drained())
    this.#raw.on('timeout', () => this.#stalled())
    this.#raw.once('close', () => this.#leave())
    this.#raw.writeHead(200, headersOf(reply))
    this.#write(hello)
  }

  /** Begins. */
  start(): void {
    const { heartbeatMs, maxDurationMs } = this.#rules
    this.#timers = [
      setInterval(() => this.#beat(), heartbeatMs),
      setTimeout(() => this.end('max_duration'), maxDurationMs)
    ]
    this.#follower = this.#subject.follow(this)
  }

  // Below Node's own mark nothing would ever say that it has drained.
  get isFull(): boolean {
    return this.#raw.writableNeedDrain && this.#raw.writableLength > this.#rules.bufferBytes
  }

  event(event: JobEvent): void {
    this.#write(this.#subject.frames.of(event))
    this.#ear.sent()
  }

  live(event: LiveEvent): void {
    this.#write(this.#subject.frames.ofLive(event))
    this.#ear.sent()
  }

  gap(gap: Gap): void {
    this.hasGap = true
    this.#write(gapFrame(gap))
  }

  ended(): void {
    this.end('terminal')
  }

  // Its client comes back, and is told what became of the job.
  gone(): void {
    this.cut()
  }

  fellBehind(): void {
    this.#ear.telemetry.emit('streamSlow', 'sse', 'pull')
  }

  /** Says why, and ends. What waits goes out before that. */
  end(reason: EndReason): void {
    if (this.#isOver) return
    this.#leave()
    this.#raw.end(endFrame(reason))
    this.#raw.setTimeout(this.#rules.stallMs)
  }

  /** When it is closed. */
  closed(): Promise<void> {
    return new Promise(resolve => this.#raw.once('close', resolve))
  }

  /** Ends without a word. */
  cut(): void {
    this.#raw.destroy()
  }

  #write(bytes: Buffer): void {
    if (this.#raw.destroyed || this.#raw.write(bytes) || this.#isWaiting) return
    this.#isWaiting = true
    // Node counts bytes that the system takes as a sign of life. It counts what is written as well.
    this.#raw.setTimeout(this.#rules.stallMs)
  }

  #beat(): void {
    if (!this.#isWaiting) this.#write(heartbeats[this.#subject.heartbeat])
  }

  #drained(): void {
    if (this.#isOver) return
    this.#isWaiting = false
    this.#raw.setTimeout(0)
    this.#follower?.drained()
  }

  #stalled(): void {
    this.#ear.telemetry.emit('streamSlow', 'sse', 'closed')
    this.cut()
  }

  /** Nothing more comes. */
  #leave(): void {
    this.#isOver = true
    this.#follower?.stop()
    for (const timer of this.#timers) clearTimeout(timer)
  }
}

/** What the door has said (allowed origins, rates), and what the route has, comes along. */
function headersOf(reply: FastifyReply): Record<string, number | string | string[] | undefined> {
  return { ...reply.getHeaders(), ...headers }
}
