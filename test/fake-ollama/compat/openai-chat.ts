/**
 * POST `/v1/chat/completions`.
 * Source: ollama/ollama `middleware/openai.go` (ChatWriter), `openai/openai.go`.
 */
import { goStringify } from '../go/json-write.ts'
import { type Call, HttpError } from '../http/call.ts'
import { chat } from '../native/chat.ts'
import type { Piece, ToolCall } from '../native/piece.ts'
import { readCompat } from './compat-body.ts'
import { CompatReply, dataEvent } from './compat-reply.ts'
import { completionsChatRequest, toChat } from './openai-requests.ts'

const ID_RANGE = 999

/** The route. */
export function openAiChatRoute(call: Call): Promise<void> {
  const request = readCompat(call, completionsChatRequest)
  if ((request.messages ?? []).length === 0) throw new HttpError(400, "[] is too short - 'messages'")
  const native = toChat(request)
  return chat(
    call,
    native,
    new ChatReply(call, request.stream, request.stream_options?.include_usage ?? false)
  )
}

/** An id as Ollama makes it: far from unique. */
export function shortId(prefix: string): string {
  return `${prefix}-${Math.floor(Math.random() * ID_RANGE)}`
}

class ChatReply extends CompatReply {
  readonly #id = shortId('chatcmpl')
  readonly #withUsage: boolean
  #createdS: number | undefined
  #calledTool = false

  constructor(call: Call, streaming: boolean, withUsage: boolean) {
    super(call, 'openai', streaming)
    this.#withUsage = withUsage
  }

  protected object(piece: Piece): object {
    const { content, thinking, toolCalls } = piece
    const calls = toolCalls.length > 0 ? toOpenAiCalls(toolCalls) : undefined
    const reason = piece.doneReason === 'stop' && calls !== undefined ? 'tool_calls' : piece.doneReason
    return {
      id: this.#id,
      object: 'chat.completion',
      created: Math.floor(piece.createdAtMs / 1000),
      model: piece.model,
      system_fingerprint: 'fp_ollama',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content, reasoning: thinking || undefined, tool_calls: calls },
          finish_reason: reason || null,
          logprobs: logprobsOf(piece)
        }
      ],
      usage: usageOf(piece)
    }
  }

  protected events(piece: Piece): string[] {
    const first = this.#createdS === undefined
    this.#createdS ??= Math.floor(piece.createdAtMs / 1000)
    const parts = first || !isTrailer(piece) ? this.#deltas(piece, first) : []
    const chunks = parts.map(delta =>
      this.#chunk(piece, [{ index: 0, delta, finish_reason: null, logprobs: logprobsOf(piece) }])
    )
    if (piece.toolCalls.length > 0) this.#calledTool = true
    if (!piece.done) return [chunks.map(dataEvent).join('')]
    const reason = piece.doneReason || 'stop'
    const finish = this.#calledTool && reason === 'stop' ? 'tool_calls' : reason
    chunks.push(this.#chunk(piece, [{ index: 0, delta: {}, finish_reason: finish }]))
    if (this.#withUsage) chunks.push({ ...this.#chunk(piece, []), usage: usageOf(piece) })
    return [`${chunks.map(dataEvent).join('')}data: [DONE]\n\n`]
  }

  #chunk(piece: Piece, choices: object[]): object {
    const head = {
      id: this.#id,
      object: 'chat.completion.chunk',
      created: this.#createdS,
      model: piece.model
    }
    return { ...head, system_fingerprint: 'fp_ollama', choices }
  }

  #deltas(piece: Piece, first: boolean): object[] {
    const role = first ? 'assistant' : undefined
    const tool_calls = piece.toolCalls.length > 0 ? toOpenAiCalls(piece.toolCalls) : undefined
    const text = { content: piece.content, tool_calls }
    const reasoning = piece.thinking || undefined
    const mixed = reasoning !== undefined && (piece.content !== '' || tool_calls !== undefined)
    return mixed ? [{ role, reasoning }, text] : [{ role, content: piece.content, reasoning, tool_calls }]
  }
}

/** A last record that only brings metrics. */
function isTrailer(piece: Piece): boolean {
  return (
    piece.done &&
    piece.content === '' &&
    piece.thinking === '' &&
    piece.toolCalls.length === 0 &&
    piece.logprobs.length === 0
  )
}

/** A tool call with its arguments as text. */
export interface OpenAiCall {
  id: string
  index: number
  type: 'function'
  function: { name: string; arguments: string }
}

/** Tool calls in the words of this API. */
export function toOpenAiCalls(calls: ToolCall[]): OpenAiCall[] {
  return calls.map(({ id, function: { index, name, arguments: args } }) => ({
    id,
    index,
    type: 'function',
    function: { name, arguments: goStringify(args) }
  }))
}

/** Token counts of a record. */
export function usageOf({ metrics }: Piece): {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
} {
  const prompt_tokens = metrics?.prompt_eval_count ?? 0
  const completion_tokens = metrics?.eval_count ?? 0
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

function logprobsOf(piece: Piece): object | undefined {
  return piece.logprobs.length > 0 ? { content: piece.logprobs } : undefined
}
