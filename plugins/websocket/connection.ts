/**
 * One socket: how much waits to be sent on it, whether the other side is still there, and how it ends. What is said on it is
 * its session's.
 *
 * A socket that is full takes no events until all that it has was taken. One on which nothing at all is taken for a while is
 * closed; so is one whose other side sends and never reads, when what it is owed has become too much.
 */
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { closeCodes, reasonOf } from './close-codes.ts'

/** How long, and how much. */
export interface ConnectionLimits {
  /** From one ping to the next. */
  readonly pingMs: number
  /** Bytes that may wait before events are held back. */
  readonly bufferBytes: number
  /** Longest time in which nothing of what waits is taken. */
  readonly stallMs: number
}

/** Who wants to know. */
export interface Listener {
  /** It takes events again. */
  drained(): void
  /** Nothing can be said any more. Told once. */
  ended(): void
  /** The other side does not read, and is closed. */
  stalled(): void
}

/** Times what may wait of events: what may wait in all, with the answers to what the client sends. */
const mostTimesBuffer = 8
/** Unanswered pings. */
const mostMissed = 2
/** Frames of a client that does not read, before it is asked to show that it does: enough to cancel a job. */
const mostWhileFull = 20

/** Strings would be counted by their characters while they wait, and Node sets three bytes aside for each. */
const asText = { binary: false }

const notRead = 'what was sent is not read'

/** Sends, holds back, pings and closes. */
export class Connection {
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #limits: ConnectionLimits
  readonly #listener: Listener
  readonly #pinging: NodeJS.Timeout
  #isFull = false
  #isOver = false
  #isCorked = false
  #missed = 0
  #heardWhileFull = 0
  #lastChance: NodeJS.Timeout | undefined

  /** @param socket what `ws` speaks on */
  constructor(ws: WebSocket, socket: Socket, limits: ConnectionLimits, listener: Listener) {
    this.#ws = ws
    this.#socket = socket
    this.#limits = limits
    this.#listener = listener
    this.#pinging = setInterval(() => this.#ping(), limits.pingMs)
    ws.on('close', () => this.#end())
    this.#socket.on('drain', () => this.#drained())
    this.#socket.setTimeout(limits.stallMs)
    this.#socket.on('timeout', () => this.#timedOut())
  }

  /** Whether it takes no events now. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** Whether something can still be said. */
  get isOpen(): boolean {
    return !this.#isOver
  }

  /** Sends a frame of text, however full it is. */
  send(frame: string | Buffer): void {
    if (this.#isOver) return
    const { bufferBytes } = this.#limits
    if (this.#ws.bufferedAmount > mostTimesBuffer * bufferBytes)
      return this.#stalled('too much waits to be read')
    this.#cork()
    this.#ws.send(typeof frame === 'string' ? Buffer.from(frame) : frame, asText)
    // Without the second a socket that holds less than Node's own mark would never say that it has drained.
    this.#isFull ||= this.#ws.bufferedAmount > bufferBytes && this.#socket.writableNeedDrain
  }

  /** The other side is there: it has sent something. */
  heard(): void {
    this.#missed = 0
    if (!this.#isFull) return
    this.#heardWhileFull += 1
    // What comes is progress to Node's clock: one that only sends would never be found out by that.
    if (this.#heardWhileFull >= mostWhileFull) this.#lastChance ??= this.#stallSoon()
  }

  /** Says why and ends. A close frame that the other side does not answer is the end too, a moment later. */
  close(code: number, reason: string): void {
    if (this.#isOver) return
    this.#end()
    this.#ws.close(code, reasonOf(reason))
  }

  // What is sent in one go goes out in one piece.
  #cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.#socket.cork()
    process.nextTick(() => {
      this.#isCorked = false
      this.#socket.uncork()
    })
  }

  #drained(): void {
    if (!this.#isFull || this.#isOver) return
    this.#isFull = false
    this.#heardWhileFull = 0
    clearTimeout(this.#lastChance)
    this.#lastChance = undefined
    this.#listener.drained()
  }

  // Behind what waits a ping would come too late to say anything; for that there is the other limit.
  #ping(): void {
    if (this.#ws.bufferedAmount > 0) return
    if (this.#missed >= mostMissed) return this.#ws.terminate()
    this.#missed += 1
    this.#ws.ping()
  }

  // Node counts whatever is taken or comes as progress. A socket on which there is nothing to say is only quiet.
  #timedOut(): void {
    if (this.#ws.bufferedAmount > 0) this.#stalled(notRead)
  }

  #stallSoon(): NodeJS.Timeout {
    return setTimeout(() => this.#stalled(notRead), this.#limits.stallMs)
  }

  #stalled(why: string): void {
    if (this.#isOver) return
    this.#listener.stalled()
    this.close(closeCodes.slowConsumer, why)
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearInterval(this.#pinging)
    clearTimeout(this.#lastChance)
    this.#listener.ended()
  }
}
