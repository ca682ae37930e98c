/**
 * Request bodies of the OpenAI-compatible routes, and how they become native ones.
 * Source: ollama/ollama `openai/openai.go`.
 */
import {
  any,
  bool,
  type Decoded,
  decodeGo,
  float32,
  float64,
  goTypeOf,
  int,
  list,
  pointer,
  string,
  struct
} from '../go/json-decode.ts'
import { goQuote } from '../go/json-write.ts'
import { HttpError } from '../http/call.ts'
import {
  type ChatRequest,
  chatRequest,
  type GenerateRequest,
  generateRequest,
  type Message,
  tool
} from '../native/requests.ts'

const streamOptions = pointer(struct('StreamOptions', { include_usage: bool }, 'openai'))

const toolCall = struct(
  'ToolCall',
  {
    id: string,
    index: int,
    type: string,
    function: struct('', { name: string, arguments: string }, 'struct')
  },
  'openai'
)

const openAiMessage = struct(
  'Message',
  {
    role: string,
    content: any,
    reasoning: string,
    tool_calls: list(toolCall),
    name: string,
    tool_call_id: string
  },
  'openai'
)

/** POST `/v1/chat/completions`. */
export const completionsChatRequest = struct(
  'ChatCompletionRequest',
  {
    model: string,
    messages: list(openAiMessage),
    stream: bool,
    stream_options: streamOptions,
    max_tokens: pointer(int),
    seed: pointer(int),
    stop: any,
    temperature: pointer(float64),
    frequency_penalty: pointer(float64),
    presence_penalty: pointer(float64),
    top_p: pointer(float64),
    response_format: pointer(
      struct(
        'ResponseFormat',
        { type: string, json_schema: pointer(struct('JsonSchema', { schema: any }, 'openai')) },
        'openai'
      )
    ),
    tools: list(tool),
    reasoning: pointer(struct('Reasoning', { effort: string }, 'openai')),
    reasoning_effort: pointer(string),
    logprobs: pointer(bool),
    top_logprobs: int,
    _debug_render_only: bool
  },
  'openai'
)
type CompletionsChatRequest = Decoded<typeof completionsChatRequest>

/** POST `/v1/completions`. */
export const completionRequest = struct(
  'CompletionRequest',
  {
    model: string,
    prompt: string,
    frequency_penalty: float32,
    max_tokens: pointer(int),
    presence_penalty: float32,
    seed: pointer(int),
    stop: any,
    stream: bool,
    stream_options: streamOptions,
    temperature: pointer(float32),
    top_p: float32,
    suffix: string,
    logprobs: pointer(int),
    _debug_render_only: bool
  },
  'openai'
)

/** POST `/v1/embeddings`. */
export const openAiEmbedRequest = struct(
  'EmbedRequest',
  { input: any, model: string, dimensions: int, encoding_format: string },
  'openai'
)

/** A native chat request with nothing in it. */
export function blankChat(): ChatRequest {
  return { ...decodeGo(chatRequest, null) }
}

/** The native form of a chat. @throws {HttpError} 400 for contents that have none. */
export function toChat(request: CompletionsChatRequest): ChatRequest {
  const effort = request.reasoning?.effort ?? request.reasoning_effort ?? ''
  return {
    ...blankChat(),
    model: request.model,
    messages: (request.messages ?? []).flatMap(toMessages),
    stream: request.stream,
    options: { ...limits(request.stop, request.max_tokens), ...sampling(request) },
    format: formatOf(request),
    tools: request.tools,
    think: thinkOf(effort),
    logprobs: request.logprobs ?? false,
    top_logprobs: request.top_logprobs,
    _debug_render_only: request._debug_render_only
  }
}

function limits(stop: unknown, maxTokens: number | undefined): Record<string, unknown> {
  const stops =
    typeof stop === 'string'
      ? [stop]
      : Array.isArray(stop)
        ? stop.filter(one => typeof one === 'string')
        : undefined
  return { ...(stops && { stop: stops }), ...(maxTokens !== undefined && { num_predict: maxTokens }) }
}

function sampling(request: { temperature?: number; top_p?: number; seed?: number }): Record<string, unknown> {
  const { temperature = 1, top_p = 1, seed } = request
  return { temperature, top_p, ...(seed !== undefined && { seed }) }
}

function formatOf({ response_format: format }: CompletionsChatRequest): unknown {
  const type = format?.type.trim().toLowerCase()
  if (type === 'json_object') return 'json'
  return type === 'json_schema' ? format?.json_schema?.schema : undefined
}

const EFFORTS: Record<string, boolean | string | undefined> = {
  '': undefined,
  none: false,
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  max: 'max',
  xhigh: 'max',
  ultra: 'max'
}
const EFFORT_LIST = '"minimal", "low", "medium", "high", "xhigh", "ultra", "max", or "none"'

/** `think` for a reasoning effort. @throws {HttpError} 400 on an unknown one. */
export function thinkOf(effort: string): boolean | string | undefined {
  if (Object.hasOwn(EFFORTS, effort)) return EFFORTS[effort]
  throw new HttpError(400, `invalid reasoning value: ${goQuote(effort)} (must be ${EFFORT_LIST})`)
}

/** One message with several parts becomes as many messages. */
function toMessages(message: Decoded<typeof openAiMessage>): Message[] {
  const { role, content, tool_calls: calls, reasoning: thinking, tool_call_id } = message
  const base = { ...blankMessage(role), tool_calls: calls?.map(toNativeCall), thinking, tool_call_id }
  if (typeof content === 'string') return [{ ...base, content }]
  if (Array.isArray(content)) return content.map(part => ({ ...blankMessage(role), ...partOf(part) }))
  if (calls !== undefined) return [base]
  throw new HttpError(400, `invalid message content type: ${goTypeOf(content)}`)
}

/** A native message with nothing in it but its role. */
export function blankMessage(role: string): Message {
  return {
    role: role.toLowerCase(),
    content: '',
    thinking: '',
    images: undefined,
    tool_calls: undefined,
    tool_name: '',
    tool_call_id: ''
  }
}

function toNativeCall(call: Decoded<typeof toolCall>): NonNullable<Message['tool_calls']>[number] {
  try {
    return {
      id: call.id,
      function: { index: 0, name: call.function.name, arguments: JSON.parse(call.function.arguments) }
    }
  } catch {
    throw new HttpError(400, 'invalid tool call arguments')
  }
}

function partOf(part: unknown): Partial<Message> {
  const { type, text, image_url, input_audio } = (part ?? {}) as Record<string, unknown>
  if (type === 'text' && typeof text === 'string') return { content: text }
  if (type === 'input_audio')
    return { images: [String((input_audio as { data?: unknown } | undefined)?.data)] }
  const url = typeof image_url === 'string' ? image_url : (image_url as { url?: unknown } | undefined)?.url
  if (type === 'image_url' && typeof url === 'string') return { images: [imageOf(url)] }
  throw new HttpError(400, 'invalid message format')
}

const DATA_URI = /^data:(?:image\/(?:jpeg|jpg|png|webp))?;base64,/

/** The base64 of a data URI. @throws {HttpError} 400 for any other URL. */
export function imageOf(url: string): string {
  if (/^https?:\/\//.test(url)) {
    throw new HttpError(400, 'image URLs are not currently supported, please use base64 encoded data instead')
  }
  if (!DATA_URI.test(url)) throw new HttpError(400, 'invalid image input')
  return url.replace(DATA_URI, '')
}

/** The native form of a completion. @throws {HttpError} 400 on a stop word that is no string. */
export function toGenerate(request: Decoded<typeof completionRequest>): GenerateRequest {
  const odd = Array.isArray(request.stop) && request.stop.find(one => typeof one !== 'string')
  if (odd) throw new HttpError(400, `invalid type for 'stop' field: ${goTypeOf(odd)}`)
  const { model, prompt, suffix, stream, logprobs = 0, _debug_render_only } = request
  return {
    ...decodeGo(generateRequest, null),
    model,
    prompt,
    suffix,
    stream,
    options: { ...limits(request.stop, request.max_tokens), ...sampling(request) },
    logprobs: logprobs > 0,
    top_logprobs: Math.max(0, logprobs),
    _debug_render_only
  }
}
