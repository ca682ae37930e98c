/**
 * The items and counts that a response of POST `/v1/responses` is made of.
 * Source: ollama/ollama `openai/responses.go`.
 */
import type { Piece } from '../native/piece.ts'
import { toOpenAiCalls, usageOf } from './openai-chat.ts'

/** The tool calls of a record, arguments as text. */
export function functionCalls(piece: Piece): { id: string; function: { name: string; arguments: string } }[] {
  return toOpenAiCalls(piece.toolCalls)
}

/** What the model thought. */
export function reasoningItem(id: string, text: string): object {
  return { id, type: 'reasoning', summary: [{ type: 'summary_text', text }], encrypted_content: text }
}

/** What the model said. */
export function messageItem(id: string, text: string): object {
  return { id, type: 'message', status: 'completed', role: 'assistant', content: [textPart(text)] }
}

/** A call of a function. */
export function callItem(
  id: string,
  callId: string,
  { name, arguments: args }: { name: string; arguments: string }
): object {
  return { id, type: 'function_call', status: 'completed', call_id: callId, name, arguments: args }
}

/** A part of a message. */
export function textPart(text: string): object {
  return { type: 'output_text', text, annotations: [], logprobs: [] }
}

/** Token counts in the words of this API. */
export function responsesUsage(piece: Piece): object {
  const { prompt_tokens, completion_tokens, total_tokens } = usageOf(piece)
  return {
    input_tokens: prompt_tokens,
    output_tokens: completion_tokens,
    total_tokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens_details: { reasoning_tokens: 0 }
  }
}
