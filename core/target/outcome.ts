/**
 * Tells from the bytes of an answer, while they pass, how the target meant it to end.
 *
 * The native surface ends with a record that has `done: true`, or with a line `{"error": …}`; the translated
 * ones with a terminator of their own, and lose errors on the way (ollama-api: a missing terminator is a
 * failure). The target's own numbers are read on the way. Nothing is kept but the last line, and of the translated
 * routes an answer in one piece.
 */
import { errorTextOf } from './error-text.ts'
import { BodyFigures, type Figures, nativeFigures, StreamFigures } from './figures.ts'

/** How an answer ended. `incomplete`: cleanly, but without its last record. */
export type Outcome =
  | { readonly kind: 'complete' }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'error'; readonly status: number; readonly message: string }

/** Reads along. */
export interface OutcomeReader {
  push(chunk: Buffer): void
  /** How it ended, asked after the last chunk. */
  outcome(): Outcome
  /** The target's own numbers, as far as it told them. */
  figures?(): Figures | undefined
}

const complete: Outcome = { kind: 'complete' }
const incomplete: Outcome = { kind: 'incomplete' }
const newline = 0x0a
/** Longest last line that is looked into; a longer one counts as complete. */
const longestLine = 8 * 1024 * 1024
/** Bytes of an error body that are looked into. */
const longestErrorBody = 64 * 1024

/** The native routes whose answers have a last record. */
const endsWithDone = ['/api/chat', '/api/generate']

const terminators: readonly (readonly [prefix: string, terminator: string])[] = [
  ['/v1/messages', 'event: message_stop'],
  ['/v1/responses', 'event: response.completed'],
  ['/v1/', 'data: [DONE]']
]

/** The reader for an answer with this status and content type to a call of `path`. */
export function outcomeReader(path: string, status: number, contentType: string): OutcomeReader {
  if (status >= 400) return new ErrorBody(status)
  if (contentType.startsWith('text/event-stream')) return new EventStream(terminatorOf(path))
  return endsWithDone.includes(path) ? new NativeAnswer() : new WholeAnswer()
}

function terminatorOf(path: string): string {
  return terminators.find(([prefix]) => path.startsWith(prefix))?.[1] ?? ''
}

/** An answer without a terminator: complete when it ends. */
class WholeAnswer implements OutcomeReader {
  readonly #figures = new BodyFigures()

  push(chunk: Buffer): void {
    this.#figures.push(chunk)
  }

  outcome(): Outcome {
    return complete
  }

  figures(): Figures {
    return this.#figures.read()
  }
}

/** As the target writes it; in a text the quotes are escaped. */
const toolCalls = Buffer.from('"tool_calls":[')

/** Lines of JSON, or one JSON object without a newline. */
class NativeAnswer implements OutcomeReader {
  #callsTools = false
  #line: Buffer[] = []
  #lineBytes = 0
  #lineEnded = false
  #record: { value: Record<string, unknown> | undefined } | undefined

  push(chunk: Buffer): void {
    this.#record = undefined
    this.#callsTools ||= chunk.includes(toolCalls)
    const end = chunk.at(-1) === newline ? chunk.length - 1 : chunk.length
    const before = end === 0 ? -1 : chunk.lastIndexOf(newline, end - 1)
    if (before !== -1 || this.#lineEnded) this.#begin()
    this.#add(chunk.subarray(before + 1, end))
    this.#lineEnded = end < chunk.length
  }

  figures(): Figures | undefined {
    const last = this.#last()
    return last && nativeFigures(last, this.#callsTools)
  }

  outcome(): Outcome {
    if (this.#lineBytes > longestLine) return complete
    const record = this.#last()
    if (typeof record?.error === 'string') return { kind: 'error', status: 200, message: record.error }
    return record?.done === true || record?._debug_info !== undefined ? complete : incomplete
  }

  /** Parsed once for both questions: a call that does not stream has its whole answer in it. */
  #last(): Record<string, unknown> | undefined {
    if (this.#lineBytes > longestLine) return undefined
    this.#record ??= { value: parse(Buffer.concat(this.#line).toString()) }
    return this.#record.value
  }

  #begin(): void {
    this.#line = []
    this.#lineBytes = 0
  }

  #add(part: Buffer): void {
    this.#lineBytes += part.length
    if (this.#lineBytes <= longestLine) this.#line.push(part)
  }
}

/** Server-sent events: looks for the terminator, also where it lies across two chunks. */
class EventStream implements OutcomeReader {
  readonly #figures = new StreamFigures()
  readonly #terminator: Buffer
  #carry: Buffer = Buffer.from('\n')
  #seen = false

  // At the start of a line only: a text may quote it.
  constructor(terminator: string) {
    this.#terminator = Buffer.from(`\n${terminator}`)
  }

  push(chunk: Buffer): void {
    this.#figures.push(chunk)
    const text = Buffer.concat([this.#carry, chunk])
    this.#seen ||= text.includes(this.#terminator)
    this.#carry = text.subarray(Math.max(0, text.length - this.#terminator.length))
  }

  outcome(): Outcome {
    return this.#seen ? complete : incomplete
  }

  figures(): Figures {
    return this.#figures.read()
  }
}

/** An error status: its text, whatever the surface's shape. */
class ErrorBody implements OutcomeReader {
  readonly #status: number
  readonly #chunks: Buffer[] = []
  #leftBytes = longestErrorBody

  constructor(status: number) {
    this.#status = status
  }

  push(chunk: Buffer): void {
    if (this.#leftBytes === 0) return
    const part = chunk.subarray(0, this.#leftBytes)
    this.#chunks.push(part)
    this.#leftBytes -= part.length
  }

  outcome(): Outcome {
    const message = errorTextOf(Buffer.concat(this.#chunks).toString()) || `status ${this.#status}`
    return { kind: 'error', status: this.#status, message }
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
