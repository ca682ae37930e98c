/**
 * POST `/api/embed` and the older `/api/embeddings`.
 * Source: ollama/ollama `server/routes.go` (EmbedHandler, EmbeddingsHandler).
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import { embed, normalize } from '../generation/embedding.ts'
import { withPermit } from '../generation/generate.ts'
import { countTokens } from '../generation/plan.ts'
import { nowMs, toNs } from '../go/time.ts'
import { type Call, HttpError } from '../http/call.ts'
import { FaultDone, strikeEarly } from '../http/early-faults.ts'
import { pause } from '../pause.ts'
import type { Runner } from '../scheduler/runner.ts'
import { EMBED_TEXTS, EMBEDDINGS_TEXTS, findModel } from './lookup.ts'
import { type EmbedRequest, embeddingsRequest, embedRequest } from './requests.ts'
import { withRunner } from './run.ts'

/** What an embed request yields, in any shape. */
export interface EmbedResult {
  model: string
  embeddings: number[][]
  total_duration?: number
  load_duration?: number
  prompt_eval_count?: number
}

const NO_EMBEDDINGS = 'This server does not support embeddings. Start it with `--embeddings`'

/** POST `/api/embed`. */
export async function embedRoute(call: Call): Promise<void> {
  const request = call.read(embedRequest)
  call.json(200, await embedTexts(call, request))
}

/**
 * Embeds the input of a request.
 * @throws {HttpError} as `/api/embed` refuses.
 */
export async function embedTexts(call: Call, request: EmbedRequest): Promise<EmbedResult> {
  const input = inputTexts(request.input)
  const entry = findModel(call, request.model, EMBED_TEXTS)
  await strikeEarly(call)
  return withRunner(call, entry, request, async ({ runner, merged }) => {
    const loadedMs = nowMs()
    if (input.length === 0) return { model: request.model, embeddings: [] }
    const limit = Math.min((merged.num_ctx as number | undefined) ?? Infinity, entry.config.context_length)
    if (request.truncate === false && input.some(text => countTokens(text) > limit)) {
      throw new HttpError(400, 'the input length exceeds the context length')
    }
    const vectors = await vectorsOf(call, runner, entry, input, 501)
    return {
      model: request.model,
      embeddings: vectors.map(vector => cutTo(vector, request.dimensions)),
      total_duration: toNs(nowMs() - call.startedMs),
      load_duration: toNs(loadedMs - call.startedMs),
      prompt_eval_count: input.reduce((sum, text) => sum + countTokens(text), 0)
    }
  })
}

function inputTexts(input: unknown): string[] {
  if (input === undefined || input === '') return []
  if (typeof input === 'string') return [input]
  if (Array.isArray(input) && input.every(item => typeof item === 'string')) return input
  throw new HttpError(400, 'invalid input type')
}

function cutTo(vector: number[], dimensions: number): number[] {
  return dimensions > 0 && dimensions < vector.length ? normalize(vector.slice(0, dimensions)) : vector
}

/** POST `/api/embeddings`. */
export async function embeddingsRoute(call: Call): Promise<void> {
  const request = call.read(embeddingsRequest)
  const entry = findModel(call, request.model, EMBEDDINGS_TEXTS)
  await strikeEarly(call)
  await withRunner(call, entry, request, async ({ runner }) => {
    if (request.prompt === '') return call.json(200, { embedding: [] })
    const [vector] = await vectorsOf(call, runner, entry, [request.prompt], 500)
    call.json(200, { embedding: vector })
  })
}

/** One vector per text, one text after the other. @throws {HttpError} `refusal` on a model that cannot embed. */
function vectorsOf(
  call: Call,
  runner: Runner,
  entry: CatalogEntry,
  texts: string[],
  refusal: number
): Promise<number[][]> {
  return withPermit(call, runner, entry, async () => {
    if (!entry.capabilities.includes('embedding')) throw new HttpError(refusal, NO_EMBEDDINGS)
    const vectors: number[][] = []
    for (const text of texts) {
      strike(call, runner)
      await pause(entry.config.prompt_delay_ms ?? call.world.config.prompt_delay_ms, call.signal)
      vectors.push(embed(entry.digest, text, entry.config.embedding_length))
    }
    return vectors
  })
}

/** The faults of a generation that make sense for a vector. */
function strike(call: Call, runner: Runner): void {
  const fault = call.faults.of('error_line', 'runner_crash', 'oom', 'reset')
  if (fault === undefined) return
  if (fault.kind === 'reset') {
    call.wire.cut(true)
    throw new FaultDone()
  }
  if (fault.kind === 'runner_crash') {
    call.world.scheduler.crash(runner)
    throw new HttpError(500, (call.signal.reason as Error).message)
  }
  if (fault.kind === 'oom') call.world.scheduler.expireAll()
  throw new HttpError(fault.status ?? 500, fault.message ?? 'fault injected')
}
