/**
 * The target's own numbers on an answer, read while it passes: tokens, times, and why it ended.
 *
 * The native routes tell all of it in their last record; the translated ones tell tokens, in a stream only where they are
 * asked to. Sources: ollama/ollama docs/api.md; openai/openai.go, `Usage`; anthropic/anthropic.go, `Usage`.
 */
import { number, record, text } from './loose-json.ts'

/** Why the model stopped. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'other'

/** What an answer told of itself; null where it did not tell. */
export interface Figures {
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly promptEvalMs: number | null
  readonly generationMs: number | null
  readonly reason: FinishReason | null
}

const nanosecondMs = 1e-6
const newline = 0x0a
/** Longest line of a stream, and longest answer, that is looked into. */
const longestBytes = 8 * 1024 * 1024

const nothing: Figures = {
  inputTokens: null,
  outputTokens: null,
  promptEvalMs: null,
  generationMs: null,
  reason: null
}

const reasons: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  completed: 'stop',
  length: 'length',
  max_tokens: 'length',
  max_output_tokens: 'length',
  tool_calls: 'tool_calls',
  tool_use: 'tool_calls'
}

/** Of the last record of a native answer, in which the model did or did not call tools. */
export function nativeFigures(last: Readonly<Record<string, unknown>>, callsTools: boolean): Figures {
  const reason = readReason(last.done_reason)
  return {
    inputTokens: count(last.prompt_eval_count),
    outputTokens: count(last.eval_count),
    promptEvalMs: milliseconds(last.prompt_eval_duration),
    generationMs: milliseconds(last.eval_duration),
    reason: callsTools && reason === 'stop' ? 'tool_calls' : reason
  }
}

/** Reads an answer of the translated routes that comes as one JSON object. */
export class BodyFigures {
  readonly #chunks: Buffer[] = []
  #bytes = 0

  push(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes <= longestBytes) this.#chunks.push(chunk)
  }

  /** Asked once, at the end. */
  read(): Figures {
    return this.#bytes > longestBytes ? nothing : figuresIn(parse(Buffer.concat(this.#chunks).toString()))
  }
}

/** The members that tell something, as the target writes them: it puts no blank after a colon. */
const telling = ['"usage":{', '"finish_reason":"', '"stop_reason":"'].map(words => Buffer.from(words))

/** Reads a stream of events: only those that tell something are parsed. */
export class StreamFigures {
  #rest: Buffer = Buffer.alloc(0)
  #figures = nothing

  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const end = bytes.lastIndexOf(newline) + 1
    const rest = bytes.subarray(end)
    this.#rest = rest.length > longestBytes ? Buffer.alloc(0) : rest
    const lines = bytes.subarray(0, end)
    if (!telling.some(words => lines.includes(words))) return
    for (const line of lines.toString().split('\n')) {
      if (line.startsWith('data: {')) this.#merge(figuresIn(parse(line.slice('data: '.length))))
    }
  }

  /** What was told so far. */
  read(): Figures {
    return this.#figures
  }

  /** What comes later holds. */
  #merge(later: Figures): void {
    const told = Object.entries(later).filter(([, value]) => value !== null)
    this.#figures = { ...this.#figures, ...Object.fromEntries(told) }
  }
}

/** OpenAI's and Anthropic's objects, whole or as events of a stream. */
function figuresIn(value: unknown): Figures {
  const event = record(value)
  const answer = [event, record(event.response), record(event.message)]
  const usage = record(answer.find(one => one.usage !== undefined && one.usage !== null)?.usage)
  const [choice] = Array.isArray(event.choices) ? event.choices : []
  const status = record(event.response).status ?? event.status
  const reason =
    record(choice).finish_reason ?? record(event.delta).stop_reason ?? event.stop_reason ?? status
  return {
    ...nothing,
    inputTokens: count(usage.prompt_tokens ?? usage.input_tokens),
    outputTokens: count(usage.completion_tokens ?? usage.output_tokens),
    reason: readReason(reason)
  }
}

function readReason(value: unknown): FinishReason | null {
  const word = text(value)
  return word === '' ? null : (reasons[word] ?? 'other')
}

/** A whole number; the target's answers are not to be trusted. */
function count(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null
}

function milliseconds(value: unknown): number | null {
  const nanoseconds = number(value)
  return nanoseconds === undefined || nanoseconds < 0 ? null : nanoseconds * nanosecondMs
}

function parse(words: string): unknown {
  try {
    return JSON.parse(words)
  } catch {
    return undefined
  }
}
