/**
 * Answers of `/api/generate` and `/api/chat`: lines of JSON, or one object.
 * Source: ollama/ollama `server/routes.go` (streamResponse, writeChatResponse).
 */

import { goStringify } from '../go/json-write.ts'
import { nowMs, utcTime } from '../go/time.ts'
import type { Call } from '../http/call.ts'
import { joinPieces, type Piece, type Reply } from './piece.ts'

const NDJSON = 'application/x-ndjson'
const RAW_SEPARATORS = /\\u(0085|2028|2029)/g

/** Writes records as the native API does. */
export class NativeReply implements Reply {
  readonly #call: Call
  readonly #toRecord: (piece: Piece) => object
  readonly #streaming: boolean
  readonly #model: string
  readonly #pieces: Piece[] = []

  constructor(call: Call, kind: 'generate' | 'chat', streaming: boolean, model: string) {
    this.#call = call
    this.#toRecord = kind === 'chat' ? chatRecord : generateRecord
    this.#streaming = streaming
    this.#model = model
  }

  whole(piece: Piece): void {
    this.#call.json(200, this.#toRecord(piece))
  }

  async piece(piece: Piece): Promise<void> {
    if (!this.#streaming) this.#pieces.push(piece)
    else await this.#call.wire.write(`${this.#line(this.#toRecord(piece))}\n`, 200, NDJSON)
  }

  refuse(status: number, message: string, extra?: Record<string, string>): void {
    this.#call.json(status, { error: message, ...extra })
  }

  async fail(status: number, message: string): Promise<void> {
    const { wire } = this.#call
    if (!this.#streaming) return this.refuse(status, message)
    if (wire.started) await wire.write(`${goStringify({ error: message })}\n`, 200, NDJSON)
    else await wire.write(goStringify({ error: message }), status, 'application/json')
    await wire.end()
  }

  async finish(): Promise<void> {
    if (this.#streaming) await this.#call.wire.end()
    else this.whole(joinPieces(this.#pieces, this.#model, nowMs()))
  }

  #line(record: object): string {
    const line = goStringify(record)
    if (this.#call.faults.of('separators_escaped')) return line.replaceAll('\u0085', '\\u0085')
    if (!this.#call.faults.of('separators_raw')) return line
    return line.replace(RAW_SEPARATORS, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
}

/** A record of `/api/generate`; members in the order of Go's struct. */
export function generateRecord(piece: Piece): object {
  return {
    model: piece.model,
    created_at: utcTime(piece.createdAtMs),
    response: piece.content,
    thinking: piece.thinking || undefined,
    done: piece.done,
    done_reason: piece.doneReason || undefined,
    context: piece.context,
    ...piece.metrics,
    tool_calls: piece.toolCalls.length > 0 ? piece.toolCalls : undefined,
    logprobs: piece.logprobs.length > 0 ? piece.logprobs : undefined
  }
}

/** A record of `/api/chat`. */
export function chatRecord(piece: Piece): object {
  return {
    model: piece.model,
    created_at: utcTime(piece.createdAtMs),
    message: {
      role: 'assistant',
      content: piece.content,
      thinking: piece.thinking || undefined,
      tool_calls: piece.toolCalls.length > 0 ? piece.toolCalls : undefined
    },
    done: piece.done,
    done_reason: piece.doneReason || undefined,
    logprobs: piece.logprobs.length > 0 ? piece.logprobs : undefined,
    ...piece.metrics
  }
}
