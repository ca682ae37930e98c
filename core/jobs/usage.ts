/** What an answer took, by the target's own numbers in its last record. */
import { nativeFigures } from '../target/figures.ts'

/** Tokens and times of one answer; null where the target did not tell. */
export interface Usage {
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  /** The answer broke off before its numbers came: its records stand for tokens. */
  readonly estimated: boolean
  readonly promptEvalMs: number | null
  readonly generationMs: number | null
}

/**
 * Reads the usage of an assembled native answer that came in `records` records.
 * Source: ollama/ollama docs/api.md, the last object of a stream.
 */
export function usageOf(answer: Readonly<Record<string, unknown>>, records: number): Usage {
  const { reason: _reason, ...told } = nativeFigures(answer, false)
  const brokeOff = answer.done === false
  return { ...told, outputTokens: brokeOff ? records : told.outputTokens, estimated: brokeOff }
}
