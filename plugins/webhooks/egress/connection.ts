/** One connection to a receiver, kept for a few seconds after use. */
import type { Socket } from 'node:net'
import { Client } from 'undici'
import { canonicalAddress } from './addresses.ts'
import { type DialOptions, dial } from './dial.ts'
import { tooLarge } from './faults.ts'

/** An idle connection is closed before the 5 s after which common servers close theirs; a server cannot ask for more. */
const IDLE_MS = 4000
const REQUESTS_AT_MOST = 100
const HEAD_BYTES = 16 * 1024

/**
 * What one request may bring back in all. Above what a head and the start of a body need; a receiver that pours what
 * is neither (empty lines, interim answers, extensions of chunks) keeps the process busy with it.
 */
const ANSWER_BYTES = 256 * 1024

/**
 * Pieces in which an answer is parsed. Where a head is too long undici breaks off, but goes on to the end of the piece and
 * makes an error of each line of it: of 64 KiB of short lines, a tenth of a second in which nothing else runs.
 */
const PIECE_BYTES = 1024

/** A connection that makes itself with its first request. */
export class Connection {
  /** Sends one request at a time. HTTP/1.1 only. */
  readonly client: Client
  /** Requests that were answered on it. */
  answered = 0
  #socket: Socket | undefined
  /** Bytes that had come before the request that is running. */
  #cameBefore = 0
  #address: string | null = null
  #breakOff: () => void = () => {}

  constructor(options: DialOptions) {
    this.client = new Client(options.to.url.origin, {
      connect: (_where, onReady) => {
        this.#breakOff = dial(options, (error, socket) => {
          if (error !== null) return onReady(error, null)
          this.#watch(socket!)
          onReady(null, socket!)
        })
      },
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      maxRequestsPerClient: REQUESTS_AT_MOST,
      maxHeaderSize: HEAD_BYTES,
      // The attempt has one deadline for everything.
      headersTimeout: 0,
      bodyTimeout: 0
    })
  }

  /** The address it leads to; null before it is made. */
  get address(): string | null {
    return this.#address
  }

  /** To be called before each request. */
  begin(): void {
    this.#cameBefore = this.#socket?.bytesRead ?? 0
  }

  /** Whether it stands and the next request can be sent on it. */
  get isFree(): boolean {
    const { connected, size } = this.client.stats
    return connected && size === 0
  }

  /** Gives it up while it is being made: undici waits for that whatever the signal of a request says. */
  breakOff(): void {
    this.#breakOff()
  }

  /** Cuts it, also while it is being made. */
  async cut(): Promise<void> {
    this.#breakOff()
    await this.client.destroy()
  }

  #watch(socket: Socket): void {
    this.#socket = socket
    this.#cameBefore = 0
    this.#address = canonicalAddress(socket.remoteAddress ?? '') ?? null
    const read = socket.read.bind(socket)
    socket.read = size =>
      socket.destroyed ? null : read(size ?? (Math.min(socket.readableLength, PIECE_BYTES) || undefined))
    socket.on('readable', () => {
      if (socket.bytesRead - this.#cameBefore > ANSWER_BYTES) socket.destroy(tooLarge())
    })
  }
}
