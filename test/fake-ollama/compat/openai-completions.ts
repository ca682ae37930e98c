/**
 * POST `/v1/completions`.
 * Source: ollama/ollama `middleware/openai.go` (CompleteWriter), `openai/openai.go`.
 */
import type { Call } from '../http/call.ts'
import { generate } from '../native/generate.ts'
import type { Piece } from '../native/piece.ts'
import { readCompat } from './compat-body.ts'
import { CompatReply, dataEvent } from './compat-reply.ts'
import { shortId, usageOf } from './openai-chat.ts'
import { completionRequest, toGenerate } from './openai-requests.ts'

const NO_USAGE = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }

/** The route. */
export function openAiCompletionsRoute(call: Call): Promise<void> {
  const request = readCompat(call, completionRequest)
  const reply = new CompletionReply(call, request.stream, request.stream_options?.include_usage ?? false)
  return generate(call, toGenerate(request), reply)
}

class CompletionReply extends CompatReply {
  readonly #id = shortId('cmpl')
  readonly #withUsage: boolean

  constructor(call: Call, streaming: boolean, withUsage: boolean) {
    super(call, 'openai', streaming)
    this.#withUsage = withUsage
  }

  protected object(piece: Piece): object {
    const { choices, ...head } = this.#head(piece)
    return { ...head, choices, usage: usageOf(piece) }
  }

  protected events(piece: Piece): string[] {
    const { id, object, created, choices, model, system_fingerprint } = this.#head(piece)
    const head = { id, object, created, choices, model, system_fingerprint }
    const events = [dataEvent(this.#withUsage ? { ...head, usage: NO_USAGE } : head)]
    if (piece.done && this.#withUsage) events.push(dataEvent({ ...head, choices: [], usage: usageOf(piece) }))
    if (piece.done) events.push('data: [DONE]\n\n')
    return [events.join('')]
  }

  #head(piece: Piece) {
    return {
      id: this.#id,
      object: 'text_completion',
      created: Math.floor(piece.createdAtMs / 1000),
      model: piece.model,
      system_fingerprint: 'fp_ollama',
      choices: [{ text: piece.content, index: 0, finish_reason: piece.doneReason || null }]
    }
  }
}
