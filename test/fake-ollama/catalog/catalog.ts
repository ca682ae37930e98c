/**
 * The models on the fake's disk: what is installed, under which names, with which digests.
 */
import { createHash } from 'node:crypto'
import type { Capability, ModelConfig } from '../config.ts'
import { type ModelName, nameKey, parseModelName } from './model-name.ts'

/** A model with every default filled in. */
export interface CatalogEntry {
  readonly name: ModelName
  readonly digest: string
  readonly weights: string
  readonly config: Required<
    Pick<
      ModelConfig,
      | 'size_bytes'
      | 'vram_bytes'
      | 'family'
      | 'families'
      | 'parameter_size'
      | 'quantization_level'
      | 'context_length'
      | 'embedding_length'
      | 'parameters'
      | 'tool_framing'
      | 'calls_tools'
      | 'talks_with_tools'
      | 'word'
    >
  > &
    ModelConfig
  readonly capabilities: readonly Capability[]
  readonly modifiedMs: number
}

const GIGABYTE = 1_000_000_000

/** 64 hex digits that stand for `text`. */
export function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Fills the defaults of one model. @throws {Error} when its name breaks the grammar. */
export function catalogEntry(model: ModelConfig): CatalogEntry {
  const name = parseModelName(model.name)
  if (name === undefined) throw new Error(`fake Ollama cannot hold a model named ${model.name}`)
  const digest = model.digest ?? sha256(`manifest ${nameKey(name)}`)
  const sizeBytes = model.size_bytes ?? GIGABYTE
  return {
    name,
    digest,
    weights: model.weights ?? sha256(`weights ${digest}`),
    capabilities: model.capabilities ?? ['completion'],
    modifiedMs: Date.parse(model.modified_at ?? '2026-01-02T03:04:05.678Z'),
    config: {
      ...model,
      size_bytes: sizeBytes,
      vram_bytes: model.vram_bytes ?? sizeBytes,
      family: model.family ?? 'llama',
      families: model.families === undefined ? [model.family ?? 'llama'] : model.families,
      parameter_size: model.parameter_size ?? '1.2B',
      quantization_level: model.quantization_level ?? 'Q4_K_M',
      context_length: model.context_length ?? 8192,
      embedding_length: model.embedding_length ?? 16,
      parameters: model.parameters ?? {},
      tool_framing: model.tool_framing ?? 'final',
      calls_tools: model.calls_tools ?? true,
      talks_with_tools: model.talks_with_tools ?? false,
      word: model.word ?? 'tok'
    }
  }
}

/** What is installed, looked up without regard to case. */
export class Catalog {
  readonly #models = new Map<string, CatalogEntry>()
  /** Digests of blobs that were uploaded or belong to a model, without `sha256:`. */
  readonly blobs = new Set<string>()

  constructor(models: ModelConfig[]) {
    for (const model of models) this.put(catalogEntry(model))
  }

  /** The installed model of that name, whatever its case. */
  find(name: ModelName): CatalogEntry | undefined {
    return this.#models.get(nameKey(name))
  }

  /** Installs a model, or replaces the one of that name. */
  put(entry: CatalogEntry): void {
    this.#models.set(nameKey(entry.name), entry)
    this.blobs.add(entry.weights)
  }

  /** Takes a name away; its blobs go when no other model has them. False if it was not there. */
  remove(name: ModelName): boolean {
    const entry = this.find(name)
    if (entry === undefined) return false
    this.#models.delete(nameKey(name))
    if (!this.list().some(other => other.weights === entry.weights)) this.blobs.delete(entry.weights)
    return true
  }

  /** Newest first, as `/api/tags` lists them. */
  list(): CatalogEntry[] {
    return [...this.#models.values()].sort((a, b) => b.modifiedMs - a.modifiedMs)
  }
}
