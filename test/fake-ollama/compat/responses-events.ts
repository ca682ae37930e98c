/**
 * The stream of POST `/v1/responses`: opens and closes its items as records come.
 * Source: ollama/ollama `openai/responses.go` (ResponsesStreamConverter).
 */
import { sortedLikeMap } from '../go/json-write.ts'
import type { Piece } from '../native/piece.ts'
import { namedEvent } from './compat-reply.ts'
import {
  callItem,
  functionCalls,
  messageItem,
  reasoningItem,
  responsesUsage,
  textPart
} from './responses-items.ts'

/** Makes the object that opening and closing events carry. */
type Wrap = (status: string, output: object[], usage: object | null, createdMs: number) => object

/** The state of one stream. */
export class ResponsesEvents {
  readonly #messageId: string
  readonly #wrap: Wrap
  readonly #done: object[] = []
  #queue: string[] = []
  #sequence = 0
  #index = 0
  #thought: string | undefined
  #text: string | undefined
  #called = false

  constructor(messageId: string, wrap: Wrap) {
    this.#messageId = messageId
    this.#wrap = wrap
  }

  /** The events that one record becomes. */
  of(piece: Piece): string[] {
    this.#queue = []
    if (this.#sequence === 0) {
      for (const name of ['response.created', 'response.in_progress']) {
        this.#add(name, { response: this.#wrap('in_progress', [], null, piece.createdAtMs) })
      }
    }
    if (piece.thinking !== '') this.#think(piece.thinking)
    if (piece.toolCalls.length > 0) this.#call(piece)
    else if (!this.#called && piece.content !== '') this.#say(piece.content)
    if (piece.done) this.#finish(piece)
    return this.#queue
  }

  #add(type: string, data: object): void {
    const event = { ...data, sequence_number: this.#sequence++, type }
    this.#queue.push(namedEvent(type, sortedLikeMap(event) as object))
  }

  #think(delta: string): void {
    const item_id = `rs_${this.#messageId}`
    if (this.#thought === undefined) {
      this.#thought = ''
      this.#add('response.output_item.added', {
        output_index: this.#index,
        item: { id: item_id, type: 'reasoning', summary: [] }
      })
    }
    this.#thought += delta
    const at = { item_id, output_index: this.#index, summary_index: 0 }
    this.#add('response.reasoning_summary_text.delta', { ...at, delta })
  }

  #endThinking(): void {
    if (this.#thought === undefined) return
    const item_id = `rs_${this.#messageId}`
    const item = reasoningItem(item_id, this.#thought)
    const at = { item_id, output_index: this.#index, summary_index: 0 }
    this.#add('response.reasoning_summary_text.done', { ...at, text: this.#thought })
    this.#add('response.output_item.done', { output_index: this.#index, item })
    this.#done.push(item)
    this.#thought = undefined
    this.#index++
  }

  #call(piece: Piece): void {
    this.#endThinking()
    this.#called = true
    for (const [i, call] of functionCalls(piece).entries()) {
      const item_id = `fc_${this.#messageId}_${i}`
      const item = callItem(item_id, call.id, call.function)
      const at = { item_id, output_index: this.#index }
      this.#add('response.output_item.added', {
        output_index: this.#index,
        item: { ...item, status: 'in_progress', arguments: '' }
      })
      this.#add('response.function_call_arguments.delta', { ...at, delta: call.function.arguments })
      this.#add('response.function_call_arguments.done', { ...at, arguments: call.function.arguments })
      this.#add('response.output_item.done', { output_index: this.#index++, item })
      this.#done.push(item)
    }
  }

  #say(delta: string): void {
    this.#endThinking()
    const at = { item_id: this.#messageId, output_index: this.#index, content_index: 0 }
    if (this.#text === undefined) {
      this.#text = ''
      const item = { ...messageItem(this.#messageId, ''), status: 'in_progress', content: [] }
      this.#add('response.output_item.added', { output_index: this.#index, item })
      this.#add('response.content_part.added', { ...at, part: textPart('') })
    }
    this.#text += delta
    this.#add('response.output_text.delta', { ...at, delta, logprobs: [] })
  }

  #finish(piece: Piece): void {
    this.#endThinking()
    const output = [...this.#done]
    if (this.#text !== undefined) {
      const item = messageItem(this.#messageId, this.#text)
      output.push(item)
      if (!this.#called) this.#endText(item, this.#text)
    }
    const response = this.#wrap('completed', output, responsesUsage(piece), piece.createdAtMs)
    this.#add('response.completed', { response })
  }

  #endText(item: object, text: string): void {
    const at = { item_id: this.#messageId, output_index: this.#index, content_index: 0 }
    this.#add('response.output_text.done', { ...at, text, logprobs: [] })
    this.#add('response.content_part.done', { ...at, part: textPart(text) })
    this.#add('response.output_item.done', { output_index: this.#index, item })
  }
}
