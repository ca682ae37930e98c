/**
 * Request bodies of POST `/v1/responses`, and how they become native ones.
 * Source: ollama/ollama `openai/responses.go`.
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
import { goQuote } from '../go/json-write.ts'
import { HttpError } from '../http/call.ts'
import type { ChatRequest, Message, Tool } from '../native/requests.ts'
import { tool } from '../native/requests.ts'
import { blankChat, blankMessage, imageOf, thinkOf } from './openai-requests.ts'

type Item = Record<string, unknown>

/** A string, or a list of items that each tell their type. */
const input = custom<string | Item[]>('openai.ResponsesInput', '', (value: GoValue) => {
  if (value !== null && typeof value !== 'string' && !Array.isArray(value)) throw mustBeList('input', value)
  const plain = (toPlain(value) ?? '') as string | Item[]
  if (typeof plain === 'string') return plain
  for (const [i, item] of plain.entries()) checkItem(item, i, value as GoValue[])
  return plain
})

function mustBeList(what: string, value: GoValue): Error {
  const reason = `json: cannot unmarshal ${kindOf(value)} into Go value of type []json.RawMessage`
  return new Error(`${what} must be a string or array: ${reason}`)
}

const PART_TYPES = ['input_text', 'output_text', 'input_image', 'input_file']
const ITEM_TYPES = ['message', 'function_call', 'function_call_output', 'reasoning', 'web_search_call']

function checkItem(item: Item, index: number, sent: GoValue[]): void {
  const type = item.type || (item.role ? 'message' : '')
  if (type === '') throw new Error(`input[${index}]: input item missing required 'type' field`)
  if (!ITEM_TYPES.includes(String(type))) {
    throw new Error(`input[${index}]: unknown input item type: ${goQuote(String(type))}`)
  }
  const { content } = item
  if (type !== 'message' || content === undefined || typeof content === 'string') return
  if (!Array.isArray(content)) throw mustBeList(`input[${index}]: content`, contentOf(sent[index]))
  for (const [i, part] of (content as Item[]).entries()) {
    if (PART_TYPES.includes(String(part.type))) continue
    throw new Error(`input[${index}]: content[${i}]: unknown content type: ${part.type ?? ''}`)
  }
}

function contentOf(item: GoValue | undefined): GoValue {
  const members = item instanceof GoObject ? item.members : []
  return members.findLast(([key]) => key === 'content')?.[1] ?? null
}

const responsesTool = struct(
  'ResponsesTool',
  { type: string, name: string, description: pointer(string), strict: pointer(bool), parameters: any },
  'openai'
)

/** POST `/v1/responses`. */
export const responsesRequest = struct(
  'ResponsesRequest',
  {
    model: string,
    background: bool,
    input,
    instructions: string,
    max_output_tokens: pointer(int),
    reasoning: struct('ResponsesReasoning', { effort: string, summary: string }, 'openai'),
    temperature: pointer(float64),
    text: pointer(struct('ResponsesText', { format: any }, 'openai')),
    top_p: pointer(float64),
    truncation: pointer(string),
    tools: list(responsesTool),
    stream: pointer(bool)
  },
  'openai'
)
export type ResponsesRequest = Decoded<typeof responsesRequest>

/** The native form. @throws {HttpError} 400 for contents that have none. */
export function responsesToChat(request: ResponsesRequest): ChatRequest {
  const system =
    request.instructions === '' ? [] : [{ ...blankMessage('system'), content: request.instructions }]
  const said =
    typeof request.input === 'string'
      ? [{ ...blankMessage('user'), content: request.input }].filter(message => message.content !== '')
      : request.input.flatMap(toMessages)
  const { temperature = 1, top_p, max_output_tokens: limit } = request
  return {
    ...blankChat(),
    model: request.model,
    messages: [...system, ...said],
    stream: request.stream ?? false,
    options: {
      temperature,
      ...(top_p !== undefined && { top_p }),
      ...(limit !== undefined && { num_predict: limit })
    },
    tools: request.tools?.map(toTool),
    format: schemaOf(request.text?.format),
    think: thinkOf(request.reasoning.effort)
  }
}

function schemaOf(format: unknown): unknown {
  const { type, schema } = (format ?? {}) as { type?: string; schema?: unknown }
  return type === 'json_schema' ? schema : undefined
}

function toTool({ type, name, description, parameters }: Decoded<typeof responsesTool>): Tool {
  const native = decodeGo(tool, null)
  return {
    type,
    function: {
      name,
      description: description ?? '',
      parameters: { ...native.function.parameters, ...(parameters as object | undefined) }
    }
  }
}

function toMessages(item: Item): Message[] {
  if (item.type === 'function_call_output')
    return [{ ...blankMessage('tool'), content: String(item.output ?? '') }]
  if (item.type === 'function_call') return [blankMessage('assistant')]
  if (item.type === 'reasoning' || item.type === 'web_search_call') return []
  const parts = typeof item.content === 'string' ? [{ type: 'input_text', text: item.content }] : item.content
  const message = blankMessage(String(item.role))
  for (const part of (parts ?? []) as Item[]) addPart(message, part)
  return [message]
}

function addPart(message: Message, part: Item): void {
  if (part.type === 'input_text' || part.type === 'output_text') message.content += String(part.text)
  else if (part.type === 'input_image') {
    if (part.image_url) message.images = [...(message.images ?? []), imageOf(String(part.image_url))]
  } else if (part.type === 'input_file') throw new HttpError(400, 'file inputs are not currently supported')
}
