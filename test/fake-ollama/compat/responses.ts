/**
 * POST `/v1/responses`: one object, or a stream of named events.
 * Source: ollama/ollama `middleware/openai.go` (ResponsesWriter), `openai/responses.go`.
 */
import type { Call } from '../http/call.ts'
import { chat } from '../native/chat.ts'
import type { Piece } from '../native/piece.ts'
import { readCompat } from './compat-body.ts'
import { announceStream, CompatReply } from './compat-reply.ts'
import { ResponsesEvents } from './responses-events.ts'
import { callItem, functionCalls, messageItem, reasoningItem, responsesUsage } from './responses-items.ts'
import { type ResponsesRequest, responsesRequest, responsesToChat } from './responses-requests.ts'

const ID_RANGE = 999_999

// Members that never change, in their place among the others.
const NO_PENALTIES = { presence_penalty: 0, frequency_penalty: 0, top_logprobs: 0 }
const NOT_SUPPORTED = {
  service_tier: 'default',
  metadata: {},
  safety_identifier: null,
  prompt_cache_key: null
}

/** The route. */
export function responsesRoute(call: Call): Promise<void> {
  const request = readCompat(call, responsesRequest)
  const native = responsesToChat(request)
  if (native.stream) announceStream(call)
  return chat(call, native, new ResponsesReply(call, request))
}

class ResponsesReply extends CompatReply {
  readonly #request: ResponsesRequest
  readonly #id = `resp_${Math.floor(Math.random() * ID_RANGE)}`
  readonly #messageId = `msg_${Math.floor(Math.random() * ID_RANGE)}`
  readonly #events: ResponsesEvents

  constructor(call: Call, request: ResponsesRequest) {
    super(call, 'openai', request.stream ?? false)
    this.#request = request
    const wrap = (status: string, output: object[], usage: object | null, createdMs: number): object =>
      responseObject(request, this.#id, status, output, usage, createdMs)
    this.#events = new ResponsesEvents(this.#messageId, wrap)
  }

  protected events(piece: Piece): string[] {
    return this.#events.of(piece)
  }

  protected object(piece: Piece): object {
    const output: object[] = piece.thinking === '' ? [] : [reasoningItem(`rs_${this.#id}`, piece.thinking)]
    const calls = functionCalls(piece)
    if (calls.length === 0) output.push(messageItem(this.#messageId, piece.content))
    else output.push(...calls.map((call, i) => callItem(`fc_${this.#id}_${i}`, call.id, call.function)))
    return responseObject(
      this.#request,
      this.#id,
      'completed',
      output,
      responsesUsage(piece),
      piece.createdAtMs
    )
  }
}

function responseObject(
  request: ResponsesRequest,
  id: string,
  status: string,
  output: object[],
  usage: object | null,
  createdMs: number
): object {
  const createdS = Math.floor(createdMs / 1000)
  const { effort, summary } = request.reasoning
  return {
    id,
    object: 'response',
    created_at: createdS,
    completed_at: status === 'completed' ? createdS : null,
    status,
    incomplete_details: null,
    model: request.model,
    previous_response_id: null,
    instructions: request.instructions || null,
    output,
    error: null,
    tools: request.tools ?? [],
    tool_choice: 'auto',
    truncation: request.truncation ?? 'disabled',
    parallel_tool_calls: true,
    text: { format: request.text?.format ?? { type: 'text' } },
    top_p: request.top_p ?? 1,
    ...NO_PENALTIES,
    temperature: request.temperature ?? 1,
    reasoning: effort || summary ? { effort: effort || undefined, summary: summary || undefined } : null,
    usage,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: null,
    store: false,
    background: request.background,
    ...NOT_SUPPORTED
  }
}
