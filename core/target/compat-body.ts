/**
 * Reads the bodies of the OpenAI- and Anthropic-compatible routes as the target will read them.
 *
 * These routes know neither keep_alive nor load options, so a model name is all that decides the runner. The bytes
 * that are forwarded stay as they were sent, compressed or not.
 * Source: ollama/ollama openai/, anthropic/, middleware/openai.go and server/cloud_proxy.go.
 */
import { zstdDecompressSync } from 'node:zlib'
import {
  bindBoolean,
  bindOptionalBoolean,
  bindString,
  foldName,
  JsonTypeError,
  type MalformedBody,
  orMalformed
} from './json-bind.ts'
import {
  elementsOf,
  type JsonMember,
  type JsonValue,
  membersOf,
  scanDocument,
  stringOf
} from './json-scan.ts'
import { readFormField } from './multipart.ts'

/** The compatible routes with a JSON body. */
export type CompatPath =
  | '/v1/chat/completions'
  | '/v1/completions'
  | '/v1/embeddings'
  | '/v1/responses'
  | '/v1/messages'
  | '/v1/systemone'

/** What a well-formed body asks for. */
export interface CompatBody {
  malformed: false
  /** As sent; `undefined` where there is none. */
  model: string | undefined
  /**
   * Every text that the body gives as a model. More than one only in a body that repeats the name, which the target's
   * check for cloud models reads in another way than its inference does: a policy must hold for all of them.
   */
  models: string[]
  /** Absent means `false`. */
  stream: boolean | undefined
  /** Every `type` that an entry of `tools` gives, `web_search` and `web_search_…` among them; without repetition. */
  toolTypes: string[]
}

/** The target's limit for a decompressed body. */
const MAX_DECOMPRESSED_BYTES = 20 * 1024 * 1024

/**
 * Reads a JSON body of a compatible route.
 *
 * @param contentEncoding the request's `Content-Encoding`; only exactly `zstd` means anything to the target
 */
export function readCompatBody(
  path: CompatPath,
  body: Buffer,
  contentEncoding?: string
): CompatBody | MalformedBody {
  const json = contentEncoding === 'zstd' ? decompress(body) : body
  if (!json) return { malformed: true, forward: false, detail: 'failed to decompress request body' }
  const read = orMalformed(() => readCompatJson(path, json))
  // Two decompressors may differ on what is not plainly one frame; then the target may find a body after all.
  return read.malformed && json !== body ? { ...read, forward: false } : read
}

/**
 * Reads the form of `/v1/audio/transcriptions`.
 *
 * @param contentType the request's `Content-Type`
 * @param query the request's query without its question mark: a `model` in it would overrule the form's
 */
export function readTranscriptionBody(
  body: Buffer,
  contentType: string,
  query: string
): CompatBody | MalformedBody {
  if (new URLSearchParams(query).has('model')) {
    return { malformed: true, forward: false, detail: 'model belongs in the form, not in the query' }
  }
  const model = readFormField(body, contentType, 'model')
  if (typeof model === 'object') return model
  return {
    malformed: false,
    model,
    models: model === undefined ? [] : [model],
    stream: undefined,
    toolTypes: []
  }
}

function decompress(body: Buffer): Buffer | undefined {
  try {
    return zstdDecompressSync(body, { maxOutputLength: MAX_DECOMPRESSED_BYTES })
  } catch {
    return undefined
  }
}

function readCompatJson(path: CompatPath, json: Buffer): CompatBody {
  const document = scanDocument(json)
  if (document.kind !== 'object' && document.kind !== 'null') throw new JsonTypeError(document, 'an object')
  const body: CompatBody = {
    malformed: false,
    model: undefined,
    models: [],
    stream: undefined,
    toolTypes: []
  }
  const models = new Set<string>()
  const toolTypes = new Set<string>()
  for (const member of document.members) {
    const name = foldName(member.name)
    if (name === 'model') {
      body.model = bindString(json, member, body.model)
      if (body.model !== undefined) models.add(body.model)
    } else if (name === 'stream') body.stream = bindStream(path, member, body.stream)
    else if (name === 'tools') addToolTypes(json, member, toolTypes)
  }
  return { ...body, models: [...models], toolTypes: [...toolTypes] }
}

function bindStream(path: CompatPath, member: JsonMember, earlier: boolean | undefined): boolean | undefined {
  if (path === '/v1/embeddings') return undefined
  return path === '/v1/responses' ? bindOptionalBoolean(member) : bindBoolean(member, earlier)
}

/** All of them, overruled ones too: Go binds a repeated array over the elements of the earlier one. */
function addToolTypes(json: Buffer, tools: JsonValue, types: Set<string>): void {
  if (tools.kind !== 'array') return
  for (const tool of elementsOf(json, tools)) {
    if (tool.kind !== 'object') continue
    for (const member of membersOf(json, tool)) {
      if (foldName(member.name) === 'type' && member.kind === 'string')
        types.add(stringOf(json, member).trim())
    }
  }
}
