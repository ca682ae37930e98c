/**
 * The routes that use a model, and what one request to them asks for: kind, model, and how the target must run it.
 * Source: ollama/ollama server/routes.go, `GenerateRoutes`.
 */
import type { JobKind } from '../jobs/job.ts'
import { type CompatPath, readCompatBody, readTranscriptionBody } from './compat-body.ts'
import type { MalformedBody } from './json-bind.ts'
import type { LoadOptions } from './load-options.ts'
import { type NativeBody, type NativeRoute, readNativeBody } from './request-body.ts'
import { searchesWeb } from './web-search.ts'

/** One route that uses a model. */
export interface InferenceRoute {
  readonly path: string
  readonly kind: JobKind
  /** Whether the answer comes in pieces when the request does not say. */
  readonly streamsByDefault: boolean
}

/** What a well-formed request asks for. */
export interface Inference {
  readonly malformed: false
  readonly route: InferenceRoute
  /** As sent; undefined or empty where the target refuses the request by itself. */
  readonly model: string | undefined
  /** Every text that the body gives as a model, the one that holds included. */
  readonly models: readonly string[]
  readonly streams: boolean
  readonly loadOptions: LoadOptions
  readonly shift: boolean | undefined
  /** Whether the target would search the web for it. */
  readonly searchesWeb: boolean
  /** The native body, on native routes. */
  readonly native: NativeBody | undefined
}

const routes: readonly InferenceRoute[] = [
  { path: '/api/generate', kind: 'generate', streamsByDefault: true },
  { path: '/api/chat', kind: 'chat', streamsByDefault: true },
  { path: '/api/embed', kind: 'embed', streamsByDefault: false },
  { path: '/api/embeddings', kind: 'embed', streamsByDefault: false },
  { path: '/v1/chat/completions', kind: 'chat', streamsByDefault: false },
  { path: '/v1/completions', kind: 'generate', streamsByDefault: false },
  { path: '/v1/responses', kind: 'chat', streamsByDefault: false },
  { path: '/v1/messages', kind: 'chat', streamsByDefault: false },
  // Of newer servers; known from the client library (ollama/ollama-js 0.6.4, `systemone`).
  { path: '/v1/systemone', kind: 'generate', streamsByDefault: false },
  { path: '/v1/embeddings', kind: 'embed', streamsByDefault: false },
  { path: '/v1/audio/transcriptions', kind: 'transcription', streamsByDefault: false }
]

/** All of them: POST, each. */
export const inferenceRoutes: readonly InferenceRoute[] = routes

/** What of the request's headers changes how its body is read, and its query without the question mark. */
export interface BodyContext {
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly query?: string
}

/**
 * Reads a request as the target will read it.
 * @throws {RangeError} when `path` is no inference route
 */
export function readInference(
  path: string,
  body: Buffer,
  context: BodyContext = {}
): Inference | MalformedBody {
  const route = routes.find(one => one.path === path)
  if (route === undefined) throw new RangeError(`${path} does not use a model`)
  return path.startsWith('/api/') ? readNative(route, body) : readCompat(route, body, context)
}

function readNative(route: InferenceRoute, body: Buffer): Inference | MalformedBody {
  const native = readNativeBody(route.path.slice('/api/'.length) as NativeRoute, body)
  if (native.malformed) return native
  const { model, shift, loadOptions } = native
  const models = model === undefined ? [] : [model]
  const streams = route.streamsByDefault && native.stream !== false
  const wishes = { streams, loadOptions, shift, searchesWeb: false }
  return { malformed: false, route, model, models, ...wishes, native }
}

function readCompat(route: InferenceRoute, body: Buffer, context: BodyContext): Inference | MalformedBody {
  const read =
    route.kind === 'transcription'
      ? readTranscriptionBody(body, context.contentType ?? '', context.query ?? '')
      : readCompatBody(route.path as CompatPath, body, context.contentEncoding)
  if (read.malformed) return read
  const { model, models, toolTypes } = read
  const streams = read.stream === true
  return {
    malformed: false,
    route,
    model,
    models,
    streams,
    loadOptions: {},
    shift: undefined,
    searchesWeb: searchesWeb(route.path, toolTypes),
    native: undefined
  }
}
