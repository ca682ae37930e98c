/**
 * What `/api/tags` and `/api/show` say about one installed model, put together.
 *
 * Both answers come from versions of Ollama that differ, so every field is taken for missing where it has not the type
 * it should have. Source: ollama/ollama docs/api.md, api/types.go and server/images.go (`Model.String`).
 */
import { type LoadOptions, parseParameters } from './load-options.ts'
import { modelsOf, number, record, strings, text } from './loose-json.ts'
import { parseModelName } from './model-name.ts'
import type { RunnerModel } from './runner.ts'

/** An entry of `/api/tags`. */
export interface TagsEntry {
  /** As listed: the short form with its tag. */
  name: string
  /** The canonical key of the name (`parseModelName`). */
  key: string
  /** Digest of the manifest: 64 hex, the same that `/api/ps` shows. */
  digest: string
  sizeBytes: number
  /** RFC 3339, in the target's time zone; empty where it is not told. */
  modifiedAt: string
  /** A stub for a model on another machine. */
  remote: boolean
  /** `details.format`, such as `gguf`. */
  format: string
  family: string
  families: readonly string[]
  parameterSize: string
  quantization: string
  /** `undefined` from servers that do not list them. */
  capabilities: readonly string[] | undefined
  contextLength: number | undefined
  /** Length of the vectors it makes; `undefined` where it is not told. */
  embeddingLength: number | undefined
}

/** What only `/api/show` knows. It depends on the manifest alone, so it holds as long as the digest does. */
export interface ShownModel {
  /** `sha256:` and 64 hex; `undefined` where the modelfile names no blob. */
  weights: string | undefined
  attachments: readonly string[]
  parameters: LoadOptions
  capabilities: readonly string[]
  contextLength: number | undefined
  embeddingLength: number | undefined
}

/** A model that the target can run. */
export interface InstalledModel extends TagsEntry, RunnerModel {
  capabilities: readonly string[]
}

/** The entries of a `/api/tags` answer; `undefined` where it is no such answer. */
export function readTags(answer: unknown): TagsEntry[] | undefined {
  return modelsOf(answer)
    ?.map(readTagsEntry)
    .filter(entry => entry !== undefined)
}

/** A `/api/show` answer. */
export function readShow(answer: unknown): ShownModel {
  const { modelfile, parameters, capabilities, model_info: info } = record(answer)
  const [weights, ...attachments] = blobsOf(text(modelfile))
  return {
    weights,
    attachments,
    parameters: parseParameters(text(parameters)),
    // Servers without capabilities: an embedding model is one that pools.
    capabilities: strings(capabilities) ?? [hasKeyEnding(info, '.pooling_type') ? 'embedding' : 'completion'],
    contextLength: number(valueOfKeyEnding(info, '.context_length')),
    embeddingLength: number(valueOfKeyEnding(info, '.embedding_length'))
  }
}

/**
 * The whole picture. Without `shown` (the target could not show the model) the manifest stands in for the weights, so
 * that it shares a runner with nothing but itself.
 */
export function toInstalledModel(entry: TagsEntry, shown: ShownModel | undefined): InstalledModel {
  return {
    ...entry,
    weights: shown?.weights ?? `sha256:${entry.digest.replace(/^sha256:/, '')}`,
    attachments: shown?.attachments ?? [],
    parameters: shown?.parameters ?? {},
    capabilities: entry.capabilities ?? shown?.capabilities ?? [],
    contextLength: shown?.contextLength ?? entry.contextLength,
    embeddingLength: shown?.embeddingLength ?? entry.embeddingLength
  }
}

function readTagsEntry(value: unknown): TagsEntry | undefined {
  const entry = record(value)
  const name = text(entry.name) || text(entry.model)
  const key = parseModelName(name)?.key
  const digest = text(entry.digest)
  if (!key || digest === '') return undefined
  const details = record(entry.details)
  return {
    name,
    key,
    digest,
    sizeBytes: number(entry.size) ?? 0,
    modifiedAt: text(entry.modified_at),
    remote: text(entry.remote_host) !== '' || text(entry.remote_model) !== '',
    format: text(details.format),
    family: text(details.family),
    families: strings(details.families) ?? [text(details.family)],
    parameterSize: text(details.parameter_size),
    quantization: text(details.quantization_level),
    capabilities: strings(entry.capabilities),
    contextLength: number(details.context_length),
    embeddingLength: number(details.embedding_length)
  }
}

/**
 * The blobs that the first lines of a modelfile name: `FROM` the weights, then adapters and projectors. The texts of
 * template and system follow them and may hold any line.
 */
function blobsOf(modelfile: string): string[] {
  const blobs: string[] = []
  for (const line of modelfile.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    if (!/^(FROM|ADAPTER|DRAFT) /.test(line)) break
    const digest = /sha256[-:]([0-9a-f]{64})"*\s*$/.exec(line)?.[1]
    // A first FROM without a blob is a model's name (safetensors): then there are no weights to share.
    if (!digest && blobs.length === 0) break
    if (digest) blobs.push(`sha256:${digest}`)
  }
  return blobs
}

function hasKeyEnding(info: unknown, ending: string): boolean {
  return Object.keys(record(info)).some(key => key.endsWith(ending))
}

function valueOfKeyEnding(info: unknown, ending: string): unknown {
  return Object.entries(record(info)).find(([key]) => key.endsWith(ending))?.[1]
}
