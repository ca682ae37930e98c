/**
 * Reads the bodies of the native inference routes as the target will read them, byte for byte as they were sent.
 *
 * What foreman decides by (model, keep_alive, load options) must be what the target acts on, so a body in which a
 * name comes twice or in another case is read as Go reads it and never judged.
 * Source: ollama/ollama api/types.go, the request types, and server/routes.go.
 */
import {
  bindIsEmptyArray,
  bindIsEmptyString,
  bindOptionalBoolean,
  bindString,
  foldName,
  JsonTypeError,
  type MalformedBody,
  orMalformed
} from './json-bind.ts'
import { isEmpty, type JsonMember, type JsonValue, scanDocument } from './json-scan.ts'
import { type KeepAlive, keepAliveJson, readKeepAlive } from './keep-alive.ts'
import { bindLoadOptions, type LoadOptions } from './load-options.ts'

export type { MalformedBody } from './json-bind.ts'

/** The native routes that use a model, by the last part of their path. */
export type NativeRoute = 'generate' | 'chat' | 'embed' | 'embeddings'

/** A `keep_alive` value in a body that the target accepts. */
export interface KeepAliveValue {
  /** Offset of its first byte, and of the byte after its last. */
  start: number
  end: number
  /** `Infinity` for ever. */
  ms: number
}

/** What a well-formed body asks for. */
export interface NativeBody {
  malformed: false
  /** As sent, also where it is no valid name; `undefined` where there is none. */
  model: string | undefined
  /** As sent; absent means streaming on generate and chat. embed and embeddings do not have it. */
  stream: boolean | undefined
  /** As sent. */
  shift: boolean | undefined
  /** Explicit values only. */
  loadOptions: LoadOptions
  /**
   * The wish that holds, in ms: 0 unloads, `Infinity` is for ever. `undefined` where there is none, or where `null`
   * took an earlier one back.
   */
  keepAliveMs: number | undefined
  /** Every value of the name, in the order of the text, those that a later one overrules included. */
  keepAliveValues: KeepAliveValue[]
  /**
   * Nothing to compute, the request only loads or unloads the model: no or an empty `prompt` (generate, embeddings),
   * no or empty `messages` (chat), no or an empty `input` (embed).
   */
  emptyPrompt: boolean
}

/** Reads the body of a native inference route. */
export function readNativeBody(route: NativeRoute, json: Buffer): NativeBody | MalformedBody {
  return orMalformed(() => {
    const document = scanDocument(json)
    const body: NativeBody = {
      malformed: false,
      model: undefined,
      stream: undefined,
      shift: undefined,
      loadOptions: {},
      keepAliveMs: undefined,
      keepAliveValues: [],
      emptyPrompt: true
    }
    // The one value that Go lets pass for a struct without being an object.
    if (document.kind !== 'object' && document.kind !== 'null') throw new JsonTypeError(document, 'an object')
    for (const member of document.members) bindMember(route, json, member, body)
    return body
  })
}

/**
 * The body with each `keep_alive` value replaced by the policy's, all other bytes as they were.
 *
 * A `null` stays: it asks for nothing. The same buffer comes back where there is nothing to replace.
 */
export function replaceKeepAlive(json: Buffer, body: NativeBody, value: KeepAlive): Buffer {
  const replacement = Buffer.from(JSON.stringify(keepAliveJson(value)))
  const pieces: Buffer[] = []
  let copied = 0
  for (const { start, end } of body.keepAliveValues) {
    pieces.push(json.subarray(copied, start), replacement)
    copied = end
  }
  return copied === 0 ? json : Buffer.concat([...pieces, json.subarray(copied)])
}

function bindMember(route: NativeRoute, json: Buffer, member: JsonMember, body: NativeBody): void {
  const name = foldName(member.name)
  if (name === 'model') body.model = bindString(json, member, body.model)
  else if (name === 'keep_alive') bindKeepAlive(json, member, body)
  else if (name === 'options') body.loadOptions = bindLoadOptions(json, member, body.loadOptions)
  else if (name === PROMPT_NAMES[route])
    body.emptyPrompt = bindIsEmptyPrompt(route, json, member, body.emptyPrompt)
  else if (route === 'embed' || route === 'embeddings') return
  else if (name === 'stream') body.stream = bindOptionalBoolean(member)
  else if (name === 'shift') body.shift = bindOptionalBoolean(member)
}

const PROMPT_NAMES: Readonly<Record<NativeRoute, string>> = {
  generate: 'prompt',
  chat: 'messages',
  embed: 'input',
  embeddings: 'prompt'
}

function bindKeepAlive(json: Buffer, value: JsonValue, body: NativeBody): void {
  if (value.kind === 'null') {
    body.keepAliveMs = undefined
    return
  }
  const ms = readKeepAlive(json, value)
  body.keepAliveMs = ms
  body.keepAliveValues.push({ start: value.start, end: value.end, ms })
}

function bindIsEmptyPrompt(route: NativeRoute, json: Buffer, value: JsonValue, earlier: boolean): boolean {
  if (route === 'chat') return bindIsEmptyArray(json, value)
  if (route === 'embed') return isEmptyInput(json, value)
  return bindIsEmptyString(value, earlier)
}

/** `input` may be of any type; the target refuses what is neither a string nor an array later, and itself. */
function isEmptyInput(json: Buffer, value: JsonValue): boolean {
  if (value.kind === 'string') return value.end - value.start === 2
  return value.kind === 'null' || (value.kind === 'array' && isEmpty(json, value))
}
