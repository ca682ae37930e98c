/**
 * The request bodies of `/api/*` as Go types.
 * Source: ollama/ollama `api/types.go`.
 */
import { MAX_DURATION_MS, parseGoDuration } from '../go/duration.ts'
import {
  any,
  bool,
  custom,
  type Decoded,
  goTypeOf,
  int,
  list,
  map,
  pointer,
  string,
  struct,
  toPlain
} from '../go/json-decode.ts'
import { GoNumber, type GoValue } from '../go/json-parse.ts'
import { goQuote } from '../go/json-write.ts'

/** `keep_alive` in ms; Infinity is for ever, `undefined` leaves the runner's own. */
const keepAlive = pointer(custom<number>('api.Duration', 0, parseKeepAlive))

function parseKeepAlive(value: GoValue): number {
  if (value instanceof GoNumber) {
    const seconds = Number(value.text)
    return seconds < 0 ? Infinity : seconds * 1000
  }
  if (typeof value === 'string') {
    const ms = parseGoDuration(value)
    return ms < 0 || ms >= MAX_DURATION_MS ? Infinity : ms
  }
  throw new Error(`Unsupported type: '${goTypeOf(toPlain(value))}'`)
}

const LEVELS = ['high', 'medium', 'low', 'max']
const LEVEL_LIST = '"high", "medium", "low", "max", true, or false'

/** `think`: a bool or a level; `undefined` is not set. */
const think = pointer(
  custom<boolean | string>('api.ThinkValue', false, value => {
    if (typeof value === 'boolean') return value
    if (typeof value !== 'string') throw new Error(`think must be a boolean or string (${LEVEL_LIST})`)
    if (!LEVELS.includes(value))
      throw new Error(`invalid think value: ${goQuote(value)} (must be ${LEVEL_LIST})`)
    return value
  })
)

/** Base64 with padding, kept as text: the fake looks at none. */
const image = {
  ...string,
  type: 'api.ImageData',
  read(value: GoValue, previous: string, place: Parameters<typeof string.read>[2]): string {
    if (typeof value !== 'string') {
      if (value !== null) place.mismatch(value, 'api.ImageData')
      return previous
    }
    const bad = firstBadBase64(value)
    if (bad === undefined) return value
    place.errors.push(new Error(`illegal base64 data at input byte ${bad}`))
    return previous
  }
}

/** Where Go's decoder stops: at the first foreign character, or at the start of an incomplete group. */
function firstBadBase64(text: string): number | undefined {
  const foreign = text.search(/[^A-Za-z0-9+/\r\n]/)
  const end = foreign === -1 ? text.length : foreign
  if (foreign !== -1 && !/^={1,2}[\r\n]*$/.test(text.slice(foreign))) return foreign
  if (foreign !== -1 && text.length % 4 !== 0) return text.length
  return text.length % 4 === 0 ? undefined : end - (end % 4)
}

const toolCall = struct('ToolCall', {
  id: string,
  function: struct('ToolCallFunction', { index: int, name: string, arguments: any })
})

const messageFields = struct('Alias', {
  role: string,
  content: string,
  thinking: string,
  images: list(image),
  tool_calls: list(toolCall),
  tool_name: string,
  tool_call_id: string
})

/** One message; its role is lower-cased on the way in. */
const message: typeof messageFields = {
  ...messageFields,
  type: 'api.Message',
  read(value, previous, place) {
    const read = messageFields.read(value, previous, place.pinned())
    return { ...read, role: read.role.toLowerCase() }
  }
}

/** One tool offered to the model. */
export const tool = struct('Tool', {
  type: string,
  function: struct('ToolFunction', {
    name: string,
    description: string,
    parameters: struct('ToolFunctionParameters', {
      type: string,
      required: list(string),
      properties: any
    })
  })
})

const toolList = list(tool)

/** The tools offered; Go has a name for this list. */
const tools: typeof toolList = {
  ...toolList,
  read(value, previous, place) {
    if (value === null || Array.isArray(value)) return toolList.read(value, previous, place)
    place.mismatch(value, 'api.Tools')
    return previous
  }
}

const common = {
  model: string,
  stream: pointer(bool),
  format: any,
  keep_alive: keepAlive,
  options: map(any),
  think,
  truncate: pointer(bool),
  shift: pointer(bool),
  _debug_render_only: bool,
  logprobs: bool,
  top_logprobs: int
}

/** POST `/api/generate`. */
export const generateRequest = struct('GenerateRequest', {
  ...common,
  prompt: string,
  suffix: string,
  system: string,
  template: string,
  context: list(int),
  raw: bool,
  images: list(image)
})
export type GenerateRequest = Decoded<typeof generateRequest>

/** POST `/api/chat`. */
export const chatRequest = struct('ChatRequest', { ...common, messages: list(message), tools })
export type ChatRequest = Decoded<typeof chatRequest>
export type Tool = Decoded<typeof tool>
export type Message = Decoded<typeof message>

/** POST `/api/embed`. */
export const embedRequest = struct('EmbedRequest', {
  model: string,
  input: any,
  keep_alive: keepAlive,
  truncate: pointer(bool),
  dimensions: int,
  options: map(any)
})
export type EmbedRequest = Decoded<typeof embedRequest>

/** POST `/api/embeddings`. */
export const embeddingsRequest = struct('EmbeddingRequest', {
  model: string,
  prompt: string,
  keep_alive: keepAlive,
  options: map(any)
})

/** POST `/api/show`. */
export const showRequest = struct('ShowRequest', {
  model: string,
  name: string,
  system: string,
  template: string,
  verbose: bool,
  options: map(any)
})

const transfer = { model: string, name: string, insecure: bool, stream: pointer(bool) }

/** POST `/api/pull`. */
export const pullRequest = struct('PullRequest', transfer)
/** POST `/api/push`. */
export const pushRequest = struct('PushRequest', transfer)

/** POST `/api/create`, as far as the fake looks at it. */
export const createRequest = struct('CreateRequest', {
  model: string,
  name: string,
  stream: pointer(bool),
  from: string,
  files: map(string),
  adapters: map(string),
  template: string,
  system: string,
  parameters: map(any),
  license: any,
  messages: list(message),
  quantize: string
})

/** POST `/api/copy`. */
export const copyRequest = struct('CopyRequest', { source: string, destination: string })

/** DELETE `/api/delete`. */
export const deleteRequest = struct('DeleteRequest', { model: string, name: string })
