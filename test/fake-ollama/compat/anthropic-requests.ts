/**
 * Request bodies of POST `/v1/messages`, and how they become native ones.
 * Source: ollama/ollama `anthropic/anthropic.go`.
 */
import {
  any,
  bool,
  custom,
  type Decoded,
  decodeGo,
  float64,
  int,
  kindOf,
  list,
  pointer,
  string,
  struct,
  toPlain
} from '../go/json-decode.ts'
import { GoObject, type GoValue } from '../go/json-parse.ts'
import { HttpError } from '../http/call.ts'
import type { ChatRequest, Message, Tool } from '../native/requests.ts'
import { tool } from '../native/requests.ts'
import { blankChat, blankMessage } from './openai-requests.ts'

type Block = Record<string, unknown>

const MESSAGE_PARAM =
  'Go struct field MessagesRequest.messages of type struct { Role string "json:\\"role\\""; Content json.RawMessage "json:\\"content\\"" }'

/** The content of a message: blocks, a plain string being one of text. */
const messageParam = custom(
  'anthropic.MessageParam',
  { role: '', content: [] as Block[] },
  (value: GoValue) => {
    if (!(value instanceof GoObject))
      throw new Error(`json: cannot unmarshal ${kindOf(value)} into ${MESSAGE_PARAM}`)
    const { role, content } = toPlain(value) as { role?: string; content?: unknown }
    if (content === undefined) throw new Error('unexpected end of JSON input')
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content
    return { role: String(role ?? ''), content: (blocks ?? []) as Block[] }
  }
)

const anthropicTool = struct(
  'Tool',
  { type: string, name: string, description: string, input_schema: any },
  'anthropic'
)

/** POST `/v1/messages`. */
export const messagesRequest = struct(
  'MessagesRequest',
  {
    model: string,
    max_tokens: int,
    messages: list(messageParam),
    system: any,
    stream: bool,
    temperature: pointer(float64),
    top_p: pointer(float64),
    top_k: pointer(int),
    stop_sequences: list(string),
    tools: list(anthropicTool),
    thinking: pointer(struct('ThinkingConfig', { type: string, budget_tokens: int }, 'anthropic')),
    output_config: pointer(struct('OutputConfig', { effort: string }, 'anthropic'))
  },
  'anthropic'
)
export type MessagesRequest = Decoded<typeof messagesRequest>

/** The native form. @throws {HttpError} 400 for contents that have none. */
export function messagesToChat(request: MessagesRequest): ChatRequest {
  const system = textOf(request.system)
  const { temperature, top_p, top_k, stop_sequences: stop, max_tokens: num_predict } = request
  return {
    ...blankChat(),
    model: request.model,
    messages: [
      ...(system === '' ? [] : [{ ...blankMessage('system'), content: system }]),
      ...(request.messages ?? []).flatMap(toMessages)
    ],
    stream: request.stream,
    options: { num_predict, temperature, top_p, top_k, stop },
    tools: request.tools?.map(toTool),
    think: thinkOf(request)
  }
}

function thinkOf({ thinking, output_config: output }: MessagesRequest): boolean | string | undefined {
  if (thinking?.type === 'enabled') return true
  if (thinking?.type === 'disabled') return false
  const effort = output?.effort.trim().toLowerCase().replace('xhigh', 'high') ?? ''
  return ['high', 'medium', 'low', 'max'].includes(effort) ? effort : undefined
}

function toTool({ name, description, input_schema: schema }: Decoded<typeof anthropicTool>): Tool {
  const { parameters } = decodeGo(tool, null).function
  return {
    type: 'function',
    function: { name, description, parameters: { ...parameters, ...(schema as object) } }
  }
}

function toMessages({ role, content }: Decoded<typeof messageParam>): Message[] {
  for (const block of content) if (block.type === 'tool_use') checkToolUse(block)
  const results = content
    .filter(block => block.type === 'tool_result')
    .map(block => ({
      ...blankMessage('tool'),
      content: textOf(block.content),
      tool_call_id: String(block.tool_use_id)
    }))
  const own = { ...blankMessage(role), content: textOf(content), images: imagesOf(content) }
  const calls = content.some(block => block.type === 'tool_use')
  if (own.content === '' && own.images.length === 0 && !calls) return results
  return own.role === 'user' ? [...results, own] : [own, ...results]
}

function checkToolUse(block: Block): void {
  for (const key of ['id', 'name']) {
    if (!block[key]) throw new HttpError(400, `tool_use block missing required '${key}' field`)
  }
}

/** The text of a string or of all text blocks. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((block: Block) => (block.type === 'text' ? String(block.text) : '')).join('')
}

function imagesOf(content: Block[]): string[] {
  return content
    .filter(block => block.type === 'image')
    .map(block => {
      const source = (block.source ?? {}) as { type?: string; data?: string }
      if (source.type === 'base64') return String(source.data)
      throw new HttpError(
        400,
        `invalid image source type: ${source.type ?? ''}. Only base64 images are supported.`
      )
    })
}
