/**
 * The way out to one client: status, headers and bytes as Go's `net/http` puts them, and the
 * faults that are about bytes.
 *
 * Source: Go `net/http` (header order, Content-Length up to 2048 bytes, else chunked).
 */
import type { ServerResponse } from 'node:http'
import type { Faults } from '../faults.ts'
import { breathe } from '../pause.ts'

/** What gin writes for a complete JSON answer. */
export const JSON_UTF8 = 'application/json; charset=utf-8'

// Go's response writer holds back this much before it settles for chunks.
const GO_BUFFER_BYTES = 2048

/** Writes one response. */
export class Wire {
  readonly #response: ServerResponse
  readonly #faults: Faults
  readonly #held: string[] = []
  readonly #headers = new Map<string, string | string[]>()

  constructor(response: ServerResponse, faults: Faults) {
    this.#response = response
    this.#faults = faults
    // Go says nothing about the connection where HTTP/1.1's default holds.
    if (response.req.headers.connection !== 'close') response.removeHeader('connection')
  }

  /** Whether the status line is out. */
  get started(): boolean {
    return this.#response.headersSent
  }

  get status(): number {
    return this.#response.statusCode
  }

  /** Sets a header; several values go out as several lines. */
  header(name: string, value: string | string[]): void {
    this.#headers.set(name, value)
  }

  /** The whole answer at once; without a content type there is none in the answer either. */
  reply(status: number, contentType: string | undefined, body: string | Buffer = ''): void {
    const response = this.#response
    this.#head(status, contentType)
    const bytes = Buffer.from(body)
    if (response.req.method === 'HEAD') {
      // Set by hand, so that it comes before the length, as Go has it.
      response.setHeader('Date', new Date().toUTCString())
      if (bytes.length > 0) response.setHeader('Content-Length', bytes.length)
      response.end()
    } else if (bytes.length > GO_BUFFER_BYTES) {
      response.write(bytes)
      response.end()
    } else response.end(bytes)
  }

  /** Sends a piece of a stream on its own, the headers with the first. Waits while the client does not read. */
  async write(piece: string, status: number, contentType: string): Promise<void> {
    if (!this.started) this.#head(status, contentType)
    const together = this.#faults.of('coalesce')
    if (together !== undefined) {
      this.#held.push(piece)
      if (this.#held.length >= (together.after ?? 3)) await this.#flush(this.#held.splice(0).join(''))
    } else if (this.#faults.of('split')) {
      const bytes = Buffer.from(piece)
      const cut = insideCharacter(bytes)
      await this.#flush(bytes.subarray(0, cut))
      await this.#flush(bytes.subarray(cut))
    } else await this.#flush(piece)
  }

  /** Ends a stream. */
  async end(): Promise<void> {
    if (this.#held.length > 0) await this.#flush(this.#held.splice(0).join(''))
    this.#response.end()
  }

  /** Closes the connection, with a TCP reset if asked. */
  cut(reset: boolean): void {
    if (reset) this.#response.socket?.resetAndDestroy()
    else this.#response.socket?.destroy()
  }

  /** Sends the headers of a stream before its first piece. */
  openStream(status: number, contentType: string): void {
    this.#head(status, contentType)
    this.#response.flushHeaders()
  }

  /** Go sends a handler's headers in order of their names. */
  #head(status: number, contentType: string | undefined): void {
    if (contentType !== undefined) this.#headers.set('Content-Type', contentType)
    this.#response.statusCode = status
    for (const name of [...this.#headers.keys()].sort())
      this.#response.setHeader(name, this.#headers.get(name)!)
  }

  async #flush(bytes: string | Buffer): Promise<void> {
    if (!this.#response.write(bytes)) await drained(this.#response)
    await breathe()
  }
}

/** A place between the bytes of a character, or the middle when every character is one byte. */
function insideCharacter(bytes: Buffer): number {
  const continuation = bytes.findIndex(byte => (byte & 0xc0) === 0x80)
  return continuation === -1 ? bytes.length >> 1 : continuation
}

function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve()
  return new Promise(resolve => {
    response.once('drain', resolve)
    response.once('close', resolve)
  })
}
