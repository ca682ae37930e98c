/** A connection that breaks behind an exact byte: whoever reads gets so many bytes of what came, and never one more. */
import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** How a connection is meant to go. */
export interface Manner {
  /** Bytes that come through before the cut; undefined for all of them. */
  readonly cutAfter?: number | undefined
  /** Bytes that are read in a second, in one go; undefined for as many as come. */
  readonly bytesPerS?: number | undefined
}

/** Takes the place of a socket in Node's HTTP client and in `ws`. */
export class CutSocket extends Duplex {
  /** Bytes that came through. */
  bytes = 0
  readonly #socket: Socket
  readonly #cutAfter: number
  #slow: NodeJS.Timeout | undefined
  #isOver = false

  constructor({ hostname, port }: URL, { cutAfter = Number.POSITIVE_INFINITY, bytesPerS }: Manner = {}) {
    super({ allowHalfOpen: false })
    this.#cutAfter = cutAfter
    this.#socket =
      bytesPerS === undefined
        ? connect(Number(port), hostname)
        : this.#slowly(hostname, Number(port), bytesPerS)
    this.#socket.on('data', chunk => this.#let(chunk))
    // A reset is an end like any other to one who has to come back.
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => this.#end())
    // Not before it is there: a connection that never was is a refusal, and no cut.
    if (cutAfter === 0) this.#socket.once('connect', () => this.#cut())
  }

  override _read(): void {
    if (this.#slow === undefined) this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#socket.write(chunk, () => done())
  }

  override _final(done: () => void): void {
    this.#socket.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#slow)
    this.#socket.destroy()
    done(error)
  }

  // What `ws` and Node's client ask of a socket.
  setNoDelay(): void {}
  setKeepAlive(): void {}
  setTimeout(): void {}

  // Nothing is taken off the system's hands but what was read.
  #slowly(host: string, port: number, bytesPerS: number): Socket {
    const buffer = Buffer.alloc(bytesPerS)
    const callback = (size: number) => {
      this.#let(Buffer.from(buffer.subarray(0, size)))
      return false
    }
    this.#slow = setInterval(() => this.#socket.resume(), 1000)
    return connect({ host, port, onread: { buffer, callback } })
  }

  #let(chunk: Buffer): void {
    const taken = chunk.subarray(0, this.#cutAfter - this.bytes)
    this.bytes += taken.length
    const goesOn = taken.length === 0 || this.push(taken)
    if (this.bytes >= this.#cutAfter) this.#cut()
    else if (!goesOn) this.#socket.pause()
  }

  #cut(): void {
    this.#socket.destroy()
    this.#end()
  }

  // What came before is still there to be read.
  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearInterval(this.#slow)
    this.push(null)
  }
}
