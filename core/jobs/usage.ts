/** What an answer took, by the target's own numbers in its last record. */
import { number } from '../target/loose-json.ts'

/** Tokens and times of one answer; null where the target did not tell. */
export interface Usage {
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  /** The answer broke off before its numbers came: its records stand for tokens. */
  readonly estimated: boolean
  readonly promptEvalMs: number | null
  readonly generationMs: number | null
}

const nanosecondMs = 1e-6

/**
 * Reads the usage of an assembled native answer that came in `records` records.
 * Source: ollama/ollama docs/api.md, the last object of a stream; durations there are in nanoseconds.
 */
export function usageOf(answer: Readonly<Record<string, unknown>>, records: number): Usage {
  const brokeOff = answer.done === false
  return {
    inputTokens: tokens(answer.prompt_eval_count),
    outputTokens: brokeOff ? records : tokens(answer.eval_count),
    estimated: brokeOff,
    promptEvalMs: milliseconds(answer.prompt_eval_duration),
    generationMs: milliseconds(answer.eval_duration)
  }
}

/** A whole number that SQLite takes as one; the target's answers are not to be trusted. */
function tokens(value: unknown): number | null {
  return Number.isSafeInteger(value) ? (value as number) : null
}

function milliseconds(value: unknown): number | null {
  const nanoseconds = number(value)
  return nanoseconds === undefined ? null : nanoseconds * nanosecondMs
}
