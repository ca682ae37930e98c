/**
 * GET `/v1/models`, GET `/v1/models/:model` and POST `/v1/embeddings`.
 * Source: ollama/ollama `middleware/openai.go`, `openai/openai.go`.
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import { displayName, parseModelName } from '../catalog/model-name.ts'
import { decodeGo } from '../go/json-decode.ts'
import { goStringify } from '../go/json-write.ts'
import { type Call, HttpError } from '../http/call.ts'
import { type EmbedResult, embedTexts } from '../native/embed.ts'
import { findShown } from '../native/inventory.ts'
import { embedRequest } from '../native/requests.ts'
import { readCompat } from './compat-body.ts'
import { behindTranslation } from './compat-reply.ts'
import { openAiEmbedRequest } from './openai-requests.ts'

const JSON_TYPE = 'application/json'

/** GET `/v1/models`: `data` is null, not empty, when nothing is installed. */
export function openAiModelsRoute(call: Call): void {
  const models = call.world.catalog.list().map(entry => modelOf(entry, displayName(entry.name)))
  send(call, { object: 'list', data: models.length > 0 ? models : null })
}

/** GET `/v1/models/:model`, the id as asked. */
export function openAiModelRoute(call: Call): Promise<void> {
  const id = call.params.model ?? ''
  return behindTranslation(call, () => send(call, modelOf(findShown(call, id), id)))
}

function modelOf(entry: CatalogEntry, id: string): object {
  const created = Math.floor(entry.modifiedMs / 1000)
  return { id, object: 'model', created, owned_by: parseModelName(id)?.namespace ?? '' }
}

/** POST `/v1/embeddings`. */
export async function openAiEmbeddingsRoute(call: Call): Promise<void> {
  const request = readCompat(call, openAiEmbedRequest)
  const format = request.encoding_format.toLowerCase()
  if (!['', 'float', 'base64'].includes(format)) {
    const text = `Invalid value for 'encoding_format' = ${request.encoding_format}. Supported values: ['float', 'base64'].`
    throw new HttpError(400, text)
  }
  const input = request.input === '' ? [''] : request.input
  if (input === undefined || (Array.isArray(input) && input.length === 0))
    throw new HttpError(400, 'invalid input')
  const { model, dimensions } = request
  const native = { ...decodeGo(embedRequest, null), model, dimensions, input }
  await behindTranslation(call, async () => send(call, embeddingList(await embedTexts(call, native), format)))
}

function embeddingList(result: EmbedResult, format: string): object {
  const tokens = result.prompt_eval_count ?? 0
  return {
    object: 'list',
    data: result.embeddings.map((vector, index) => ({
      object: 'embedding',
      embedding: format === 'base64' ? toBase64(vector) : vector,
      index
    })),
    model: result.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens }
  }
}

function toBase64(vector: number[]): string {
  return Buffer.from(new Float32Array(vector).buffer).toString('base64')
}

function send(call: Call, value: object): void {
  call.wire.reply(200, JSON_TYPE, `${goStringify(value)}\n`)
}
