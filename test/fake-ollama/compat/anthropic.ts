/**
 * POST `/v1/messages`: one message, or a stream of named events.
 * Source: ollama/ollama `middleware/anthropic.go`, `anthropic/anthropic.go` (StreamConverter).
 */
import { randomBytes } from 'node:crypto'
import { goStringify } from '../go/json-write.ts'
import { type Call, HttpError } from '../http/call.ts'
import { chat } from '../native/chat.ts'
import type { Piece } from '../native/piece.ts'
import { type MessagesRequest, messagesRequest, messagesToChat } from './anthropic-requests.ts'
import { readCompat } from './compat-body.ts'
import { announceStream, CompatReply, namedEvent } from './compat-reply.ts'

const CHARACTERS_PER_TOKEN = 4

/** The route. */
export function messagesRoute(call: Call): Promise<void> {
  const request = readCompat(call, messagesRequest)
  if (request.model === '') throw new HttpError(400, 'model is required')
  if (request.max_tokens <= 0) throw new HttpError(400, 'max_tokens is required and must be positive')
  if ((request.messages ?? []).length === 0) throw new HttpError(400, 'messages is required')
  const native = messagesToChat(request)
  if (request.stream) announceStream(call)
  return chat(call, native, new MessagesReply(call, request), true)
}

class MessagesReply extends CompatReply {
  readonly #id = `msg_${randomBytes(12).toString('hex')}`
  readonly #model: string
  readonly #estimate: number
  #queue: string[] = []
  #begun = false
  #index = 0
  #open: 'thinking' | 'text' | undefined
  #called = false

  constructor(call: Call, request: MessagesRequest) {
    super(call, 'anthropic', request.stream)
    this.#model = request.model
    this.#estimate = Math.max(1, Math.floor(goStringify(request.messages).length / CHARACTERS_PER_TOKEN))
  }

  protected object(piece: Piece): object {
    const content: object[] = []
    if (piece.thinking !== '') content.push({ type: 'thinking', thinking: piece.thinking })
    if (piece.content !== '') content.push({ type: 'text', text: piece.content })
    for (const { id, function: called } of piece.toolCalls) {
      content.push({ type: 'tool_use', id, name: called.name, input: called.arguments })
    }
    return {
      ...this.#message(piece.model, content.length > 0 ? content : null),
      stop_reason: stopReason(piece, piece.toolCalls.length > 0),
      usage: tokens(piece)
    }
  }

  protected events(piece: Piece): string[] {
    this.#queue = []
    if (!this.#begun) this.#begin()
    if (piece.thinking !== '') this.#delta('thinking', { type: 'thinking_delta', thinking: piece.thinking })
    if (piece.content !== '') this.#delta('text', { type: 'text_delta', text: piece.content })
    for (const call of piece.toolCalls) this.#call(call.id, call.function.name, call.function.arguments)
    if (piece.done) {
      this.#close()
      const delta = { stop_reason: stopReason(piece, this.#called) }
      this.#add('message_delta', { delta, usage: tokens(piece) })
      this.#add('message_stop', {})
    }
    return this.#queue
  }

  #message(model: string, content: object[] | null): object {
    return { id: this.#id, type: 'message', role: 'assistant', model, content }
  }

  #add(type: string, data: object): void {
    this.#queue.push(namedEvent(type, { type, ...data }))
  }

  #begin(): void {
    this.#begun = true
    const usage = { input_tokens: this.#estimate, output_tokens: 0 }
    this.#add('message_start', { message: { ...this.#message(this.#model, []), usage } })
  }

  /** Adds to the open block of that kind, closing any other first. */
  #delta(kind: 'thinking' | 'text', delta: object): void {
    if (this.#open !== kind) {
      this.#close()
      this.#open = kind
      this.#add('content_block_start', { index: this.#index, content_block: { type: kind, [kind]: '' } })
    }
    this.#add('content_block_delta', { index: this.#index, delta })
  }

  #close(): void {
    if (this.#open === undefined) return
    this.#open = undefined
    this.#add('content_block_stop', { index: this.#index++ })
  }

  #call(id: string, name: string, args: object): void {
    this.#close()
    this.#called = true
    const index = this.#index++
    this.#add('content_block_start', { index, content_block: { type: 'tool_use', id, name, input: {} } })
    this.#add('content_block_delta', {
      index,
      delta: { type: 'input_json_delta', partial_json: goStringify(args) }
    })
    this.#add('content_block_stop', { index })
  }
}

function stopReason({ doneReason }: Piece, called: boolean): string | undefined {
  if (called) return 'tool_use'
  if (doneReason === 'stop') return 'end_turn'
  if (doneReason === 'length') return 'max_tokens'
  return doneReason === '' ? undefined : 'stop_sequence'
}

function tokens({ metrics }: Piece): object {
  return { input_tokens: metrics?.prompt_eval_count ?? 0, output_tokens: metrics?.eval_count ?? 0 }
}
