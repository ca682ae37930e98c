/**
 * What is installed and what is in memory: `/api/tags`, `/api/ps`, `/api/show`, `/api/version`, `/api/status`.
 * They answer at once, whatever the scheduler is doing.
 * Source: ollama/ollama `server/routes.go` (ListHandler, PsHandler, GetModelInfo).
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import { displayName } from '../catalog/model-name.ts'
import { MAX_DURATION_MS } from '../go/duration.ts'
import { localTime, nowMs } from '../go/time.ts'
import { type Call, HttpError } from '../http/call.ts'
import type { Runner } from '../scheduler/runner.ts'
import { findModel, type LookupTexts } from './lookup.ts'
import { showRequest } from './requests.ts'

const BLOB_FOLDER = '/root/.ollama/models/blobs/sha256-'
const PARAMETER_COLUMN = 30

const SHOW_TEXTS: LookupTexts = {
  required: [400, 'model is required'],
  missing: "model 'M' not found",
  cloud: 'remote model details are unavailable'
}

/** GET `/api/version`. */
export function versionRoute(call: Call): void {
  call.json(200, { version: call.world.config.version })
}

/** GET `/api/status`. */
export function statusRoute(call: Call): void {
  const disabled = call.world.config.cloud_disabled
  call.json(200, { cloud: { disabled, source: disabled ? 'env' : 'none' } })
}

/** GET `/api/tags`, newest first. */
export function tagsRoute(call: Call): void {
  const bare = call.world.config.tags_without_capabilities
  call.json(200, { models: call.world.catalog.list().map(entry => tagOf(entry, bare)) })
}

function tagOf(entry: CatalogEntry, bare: boolean): object {
  const name = displayName(entry.name)
  const { config } = entry
  return {
    name,
    model: name,
    remote_model: config.remote_model,
    remote_host: config.remote_host,
    modified_at: localTime(entry.modifiedMs),
    size: config.size_bytes,
    digest: entry.digest,
    details: bare
      ? detailsOf(entry)
      : {
          ...detailsOf(entry),
          context_length: config.context_length,
          embedding_length: config.embedding_length
        },
    capabilities: bare ? undefined : entry.capabilities
  }
}

function detailsOf(entry: CatalogEntry): object {
  const { config } = entry
  return {
    parent_model: '',
    format: 'gguf',
    family: config.family,
    families: config.families,
    parameter_size: config.parameter_size,
    quantization_level: config.quantization_level
  }
}

/** GET `/api/ps`, furthest expiry first. */
export function psRoute(call: Call): void {
  const now = nowMs()
  const listed = call.world.scheduler.resident
    .map(runner => ({ runner, expiresAtMs: expiryOf(runner, now) }))
    .sort((a, b) => Math.floor(b.expiresAtMs / 1000) - Math.floor(a.expiresAtMs / 1000))
  call.json(200, { models: listed.map(({ runner, expiresAtMs }) => residentOf(runner, expiresAtMs)) })
}

/** The last expiry that was set, though it may be past; before there was one, an estimate. */
function expiryOf(runner: Runner, now: number): number {
  return Math.min(runner.expiresAtMs ?? now + runner.keepAliveMs, now + MAX_DURATION_MS)
}

function residentOf(runner: Runner, expiresAtMs: number): object {
  return {
    name: runner.shownName,
    model: runner.shownName,
    size: runner.entry.config.size_bytes,
    digest: runner.entry.digest,
    details: detailsOf(runner.entry),
    expires_at: localTime(expiresAtMs),
    size_vram: runner.entry.config.vram_bytes,
    context_length: runner.options.num_ctx
  }
}

/** POST `/api/show`. */
export function showRoute(call: Call): void {
  const request = call.read(showRequest)
  const entry = findShown(call, request.model || request.name)
  call.json(200, showOf(entry, request.system))
}

/** @throws {HttpError} 404 with the name as Ollama lists it. */
export function findShown(call: Call, sent: string): CatalogEntry {
  try {
    return findModel(call, sent, SHOW_TEXTS)
  } catch (error) {
    if (!(error instanceof HttpError) || error.status !== 404) throw error
    throw new HttpError(404, `model '${canonical(sent)}' not found`)
  }
}

function canonical(sent: string): string {
  const base = sent.trim().replace(/:local$/i, '')
  return base.lastIndexOf(':') > base.lastIndexOf('/') ? base : `${base}:latest`
}

/** The answer to `/api/show`. */
export function showOf(entry: CatalogEntry, system: string): Record<string, unknown> {
  const { config } = entry
  const parameters = Object.entries(config.parameters).flatMap(parameterLines)
  return {
    modelfile: modelfileOf(entry),
    parameters: parameters.length > 0 ? parameters.join('\n') : undefined,
    template: '{{ .Prompt }}',
    system: system || config.system,
    details: detailsOf(entry),
    remote_model: config.remote_model,
    remote_host: config.remote_host,
    model_info: modelInfoOf(entry),
    tensors: [{ name: 'token_embd.weight', type: 'F32', shape: [config.embedding_length, 64] }],
    capabilities: entry.capabilities,
    modified_at: localTime(entry.modifiedMs)
  }
}

function parameterLines([key, value]: [string, unknown]): string[] {
  const values = Array.isArray(value) ? value : [value]
  return values.map(one => `${key.padEnd(PARAMETER_COLUMN)} ${JSON.stringify(one)}`)
}

function modelfileOf(entry: CatalogEntry): string {
  const parameters = Object.entries(entry.config.parameters).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).map(one => `PARAMETER ${key} ${one}\n`)
  )
  return [
    '# Modelfile generated by "ollama show"\n',
    '# To build a new Modelfile based on this, replace FROM with:\n',
    `# FROM ${displayName(entry.name)}\n\n`,
    `FROM ${BLOB_FOLDER}${entry.weights}\n`,
    'TEMPLATE {{ .Prompt }}\n',
    entry.config.system === undefined ? '' : `SYSTEM ${entry.config.system}\n`,
    ...parameters
  ].join('')
}

function modelInfoOf(entry: CatalogEntry): Record<string, unknown> {
  const { family, context_length, embedding_length } = entry.config
  const info: Record<string, unknown> = {
    'general.architecture': family,
    [`${family}.context_length`]: context_length,
    [`${family}.embedding_length`]: embedding_length,
    'general.file_type': 15,
    'general.parameter_count': 1_235_814_432,
    [`${family}.block_count`]: 16,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.tokens': null
  }
  if (entry.capabilities.includes('embedding')) info[`${family}.pooling_type`] = 1
  // Go writes the keys of a map in order.
  return Object.fromEntries(Object.entries(info).sort(([a], [b]) => (a < b ? -1 : 1)))
}
