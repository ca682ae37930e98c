/**
 * The part that all compatible replies share: records are translated one by one as they come.
 *
 * Source: ollama/ollama `middleware/openai.go`, `middleware/anthropic.go` (the writers).
 */
import { goStringify } from '../go/json-write.ts'
import { nowMs } from '../go/time.ts'
import { type Call, HttpError } from '../http/call.ts'
import { errorBody } from '../http/errors.ts'
import { emptyPiece, joinPieces, type Piece, type Reply } from '../native/piece.ts'
import type { ErrorShape } from '../routes.ts'

const SSE = 'text/event-stream'
const JSON_TYPE = 'application/json'

/** A reply in a foreign shape. A subclass says how one record looks. */
export abstract class CompatReply implements Reply {
  protected readonly call: Call
  readonly #shape: ErrorShape
  readonly #streaming: boolean
  readonly #pieces: Piece[] = []

  constructor(call: Call, shape: ErrorShape, streaming: boolean) {
    this.call = call
    this.#shape = shape
    this.#streaming = streaming
  }

  /** The pieces of a stream that one record becomes; each is sent on its own. */
  protected abstract events(piece: Piece): string[]
  /** The answer that is not streamed. */
  protected abstract object(piece: Piece): object

  whole(piece: Piece): void {
    if (this.#streaming) this.call.wire.reply(200, SSE, this.events(piece).join(''))
    else this.call.wire.reply(200, JSON_TYPE, `${goStringify(this.object(piece))}\n`)
  }

  async piece(piece: Piece): Promise<void> {
    if (!this.#streaming) this.#pieces.push(piece)
    else for (const event of this.events(piece)) await this.call.wire.write(event, 200, SSE)
  }

  refuse(status: number, message: string): void {
    refuseCompat(this.call, this.#shape, status, message)
  }

  async fail(status: number, message: string): Promise<void> {
    const { wire } = this.call
    if (!this.#streaming) return this.refuse(status, message)
    // Once the stream runs, the translation takes an error for a record with nothing in it.
    if (wire.started) await this.piece(emptyPiece('', nowMs()))
    else await wire.write(errorLine(this.#shape, status, message), status, JSON_TYPE)
    await wire.end()
  }

  async finish(): Promise<void> {
    if (this.#streaming) await this.call.wire.end()
    else this.whole(joinPieces(this.#pieces, '', nowMs()))
  }
}

/** Runs the part of a route that lies behind the translation: its refusals end in a line feed. */
export async function behindTranslation(call: Call, work: () => void | Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    refuseCompat(call, 'openai', error.status, error.message)
  }
}

function refuseCompat(call: Call, shape: ErrorShape, status: number, message: string): void {
  call.wire.reply(status, JSON_TYPE, errorLine(shape, status, message))
}

function errorLine(shape: ErrorShape, status: number, message: string): string {
  return `${goStringify(errorBody(shape, status, message))}\n`
}

/** One server-sent event with a name. */
export function namedEvent(name: string, data: object): string {
  return `event: ${name}\ndata: ${goStringify(data)}\n\n`
}

/** A server-sent event without one. */
export function dataEvent(data: object): string {
  return `data: ${goStringify(data)}\n\n`
}

/** Headers that some streaming routes set beforehand, errors included. */
export function announceStream(call: Call): void {
  call.wire.header('Cache-Control', 'no-cache')
  if (call.request.headers.connection !== 'close') call.wire.header('Connection', 'keep-alive')
}
