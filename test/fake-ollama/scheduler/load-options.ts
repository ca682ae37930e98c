/**
 * The options that decide how a model is launched, and when a resident one has to be launched anew.
 * Source: ollama/ollama `api/types.go` (Runner, Options, FromMap) and `server/sched.go` (needsReload).
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import type { FakeConfig } from '../config.ts'

/** A model is launched with these; any difference means a reload. */
export interface LoadOptions {
  num_ctx: number
  /** The context was chosen by the server, not by a request or the model. */
  num_ctx_auto: boolean
  num_batch: number
  num_batch_auto: boolean
  num_gpu: number
  main_gpu: number | undefined
  use_mmap: boolean | undefined
  num_thread: number
  draft_num_predict: number
  shift: boolean
}

const TYPES: Record<string, 'integer' | 'boolean' | 'float32' | 'array'> = {
  num_ctx: 'integer',
  num_batch: 'integer',
  num_gpu: 'integer',
  main_gpu: 'integer',
  use_mmap: 'boolean',
  num_thread: 'integer',
  draft_num_predict: 'integer',
  num_keep: 'integer',
  seed: 'integer',
  num_predict: 'integer',
  top_k: 'integer',
  top_p: 'float32',
  min_p: 'float32',
  typical_p: 'float32',
  repeat_last_n: 'integer',
  temperature: 'float32',
  repeat_penalty: 'float32',
  presence_penalty: 'float32',
  frequency_penalty: 'float32',
  stop: 'array'
}

const DEFAULT_BATCH = 512
const DEFAULT_EMBEDDING_BATCH = 2048
const MIN_CTX = 4
const MIN_VISION_CTX = 2048

/** Options of a request over the model's own. @throws {Error} when one is of the wrong type, which is a 500. */
export function mergeOptions(
  entry: CatalogEntry,
  request: Record<string, unknown> | undefined
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...entry.config.parameters }
  for (const [key, value] of Object.entries(request ?? {})) {
    const type = TYPES[key]
    if (type === undefined || value === null || value === undefined) continue
    checkType(key, type, value)
    merged[key] = type === 'integer' ? Math.trunc(value as number) : value
  }
  return merged
}

function checkType(key: string, type: string, value: unknown): void {
  const expected = type === 'boolean' ? 'boolean' : 'number'
  const fits = type === 'array' ? Array.isArray(value) : typeof value === expected
  if (!fits) throw new Error(`option "${key}" must be of type ${type}`)
  if (type === 'array' && (value as unknown[]).some(item => typeof item !== 'string')) {
    throw new Error(`option "${key}" must be of an array of strings`)
  }
}

/** How `entry` would be launched for a request with these merged options. */
export function loadOptions(
  entry: CatalogEntry,
  merged: Record<string, unknown>,
  shift: boolean | undefined,
  config: FakeConfig
): LoadOptions {
  const numCtx = (merged.num_ctx as number | undefined) ?? config.default_num_ctx
  const floor = entry.capabilities.includes('vision') ? MIN_VISION_CTX : MIN_CTX
  const embedding = !entry.capabilities.includes('completion')
  return {
    num_ctx: Math.min(Math.max(numCtx, floor), Math.max(entry.config.context_length, floor)),
    num_ctx_auto: merged.num_ctx === undefined,
    num_batch:
      (merged.num_batch as number | undefined) ?? (embedding ? DEFAULT_EMBEDDING_BATCH : DEFAULT_BATCH),
    num_batch_auto: merged.num_batch === undefined && !embedding,
    num_gpu: (merged.num_gpu as number | undefined) ?? -1,
    main_gpu: merged.main_gpu as number | undefined,
    use_mmap: merged.use_mmap as boolean | undefined,
    num_thread: (merged.num_thread as number | undefined) ?? 0,
    draft_num_predict: (merged.draft_num_predict as number | undefined) ?? 0,
    shift: shift ?? entry.config.family !== 'deepseek2'
  }
}

/** Whether a runner launched with `resident` cannot serve a request that wants `wanted`. */
export function needsReload(resident: LoadOptions, wanted: LoadOptions): boolean {
  const sameCtx = (resident.num_ctx_auto && wanted.num_ctx_auto) || resident.num_ctx === wanted.num_ctx
  const sameBatch =
    (resident.num_batch_auto && wanted.num_batch_auto) || resident.num_batch === wanted.num_batch
  const sameGpu = wanted.num_gpu < 0 || resident.num_gpu === wanted.num_gpu
  return !(
    sameCtx &&
    sameBatch &&
    sameGpu &&
    resident.main_gpu === wanted.main_gpu &&
    resident.use_mmap === wanted.use_mmap &&
    resident.num_thread === wanted.num_thread &&
    resident.draft_num_predict === wanted.draft_num_predict &&
    resident.shift === wanted.shift
  )
}
