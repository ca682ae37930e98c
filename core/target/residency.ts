/**
 * What the target has in memory now, as `/api/ps` says. No policy: what to load and unload is the worker's business.
 *
 * A model that is being loaded is not listed, a busy one may show a past expiry, and of several names on the same
 * weights only the one that loaded first is shown. Source: ollama/ollama server/routes.go, `PsHandler`.
 */
import { type JsonOptions, type TargetClient, TargetError } from './client.ts'
import { modelsOf, number, record, text } from './loose-json.ts'

/** A loaded model. */
export interface LoadedModel {
  /** The name that loaded it, in its short form with tag. */
  name: string
  /** Digest of the manifest, as in the catalog. */
  digest: string
  /** Bytes in all memory, and those of them on the GPU. */
  sizeBytes: number
  vramBytes: number
  /** When it goes if nobody asks for it; centuries ahead for one that stays. `undefined` where it is not told. */
  expiresAt: Date | undefined
  /** Context of one slot, in tokens; `undefined` from servers that do not tell. */
  contextLength: number | undefined
}

/**
 * Asks the target.
 *
 * @throws {TargetError} when it does not answer, or without a list (`protocol`)
 */
export async function readResidency(client: TargetClient, options: JsonOptions = {}): Promise<LoadedModel[]> {
  const models = readLoaded(await client.json('GET', '/api/ps', undefined, options))
  if (!models) throw new TargetError('protocol', { detail: '/api/ps answered without a list of models' })
  return models
}

/** The entries of a `/api/ps` answer; `undefined` where it is no such answer. */
export function readLoaded(answer: unknown): LoadedModel[] | undefined {
  return modelsOf(answer)?.map(toLoadedModel)
}

function toLoadedModel(value: unknown): LoadedModel {
  const entry = record(value)
  const expiresAt = new Date(text(entry.expires_at))
  return {
    name: text(entry.name) || text(entry.model),
    digest: text(entry.digest),
    sizeBytes: number(entry.size) ?? 0,
    vramBytes: number(entry.size_vram) ?? 0,
    expiresAt: Number.isNaN(expiresAt.getTime()) ? undefined : expiresAt,
    contextLength: number(entry.context_length)
  }
}
