/**
 * Reads HTTP/1.1 messages off a connection without losing what a library would tidy up: the spelling and order of
 * header fields, and where one chunk ended and the next began.
 * Source: RFC 9112.
 */
import type { HeaderField } from '../../core/target/headers.ts'

/** One message, as far as it has come. */
export interface HttpMessage {
  readonly startLine: string
  readonly fields: readonly HeaderField[]
  /** The body as it was framed: one entry for each HTTP chunk, one in all under `Content-Length`. */
  readonly chunks: Buffer[]
  complete: boolean
}

/** Whether the message at this place of the connection has no body, whatever its fields say. */
export type IsBodiless = (startLine: string, index: number) => boolean

type Framing = { kind: 'head' } | { kind: 'sized'; bytes: number } | { kind: 'chunked' } | { kind: 'toEnd' }

const head: Framing = { kind: 'head' }
const crlf = '\r\n'

/** Takes bytes in any portions. */
export class MessageReader {
  readonly messages: HttpMessage[] = []
  readonly #isBodiless: IsBodiless
  #rest: Buffer = Buffer.alloc(0)
  #framing: Framing = head

  constructor(isBodiless: IsBodiless) {
    this.#isBodiless = isBodiless
  }

  push(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    while (this.#step()) {}
  }

  /** The connection has ended, and with it a message that has no other end. */
  end(): void {
    if (this.#framing.kind === 'toEnd') this.#finish()
  }

  /** Reads one unit; false when more bytes are needed for it. */
  #step(): boolean {
    switch (this.#framing.kind) {
      case 'head':
        return this.#readHead()
      case 'sized':
        return this.#readSized(this.#framing.bytes)
      case 'chunked':
        return this.#readChunk()
      case 'toEnd':
        if (this.#rest.length > 0) this.#current.chunks.push(this.#take(this.#rest.length))
        return false
    }
  }

  get #current(): HttpMessage {
    return this.messages.at(-1)!
  }

  #readHead(): boolean {
    const end = this.#rest.indexOf(crlf + crlf)
    if (end === -1) return false
    const [startLine, ...lines] = this.#take(end + 4)
      .toString('latin1')
      .trimEnd()
      .split(crlf)
    const fields = lines.map(toField)
    this.messages.push({ startLine: startLine!, fields, chunks: [], complete: false })
    this.#framing = this.#framingOf(startLine!, fields)
    if (this.#framing.kind === 'head') this.#current.complete = true
    return true
  }

  #framingOf(startLine: string, fields: readonly HeaderField[]): Framing {
    if (this.#isBodiless(startLine, this.messages.length - 1)) return head
    if (fieldValue(fields, 'transfer-encoding') === 'chunked') return { kind: 'chunked' }
    const length = fieldValue(fields, 'content-length')
    if (length === undefined) return startLine.startsWith('HTTP/') ? { kind: 'toEnd' } : head
    return length === '0' ? head : { kind: 'sized', bytes: Number(length) }
  }

  #readSized(bytes: number): boolean {
    if (this.#rest.length < bytes) return false
    this.#current.chunks.push(this.#take(bytes))
    this.#finish()
    return true
  }

  #readChunk(): boolean {
    const lineEnd = this.#rest.indexOf(crlf)
    if (lineEnd === -1) return false
    const bytes = Number.parseInt(this.#rest.toString('latin1', 0, lineEnd), 16)
    if (this.#rest.length < lineEnd + 2 + bytes + 2) return false
    this.#take(lineEnd + 2)
    const chunk = this.#take(bytes)
    this.#take(2)
    if (bytes === 0) this.#finish()
    else this.#current.chunks.push(chunk)
    return true
  }

  #finish(): void {
    this.#current.complete = true
    this.#framing = head
  }

  #take(bytes: number): Buffer {
    const taken = this.#rest.subarray(0, bytes)
    this.#rest = this.#rest.subarray(bytes)
    return taken
  }
}

/** The value of a field by its lower-case name; of a repeated one the first. */
export function fieldValue(fields: readonly HeaderField[], name: string): string | undefined {
  return fields.find(([field]) => field.toLowerCase() === name)?.[1]
}

/** The status in the start line of an answer. */
export function statusOf({ startLine }: HttpMessage): number {
  return Number(startLine.split(' ')[1])
}

/** The whole body. */
export function bodyOf({ chunks }: HttpMessage): Buffer {
  return Buffer.concat(chunks)
}

/** The answers that have no body: those to HEAD, and 1xx, 204 and 304 (RFC 9112 section 6.3). */
export function answersNothing(startLine: string, method: string): boolean {
  return method === 'HEAD' || /^HTTP\/1\.1 (1\d\d|204|304)/.test(startLine)
}

function toField(line: string): HeaderField {
  const colon = line.indexOf(':')
  return [line.slice(0, colon), line.slice(colon + 1).trim()]
}
