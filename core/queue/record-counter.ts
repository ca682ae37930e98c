/** Counts the records of an answer while they pass: lines of JSON, or server-sent events. Looks at line ends alone. */

const newline = 0x0a
const carriageReturn = 0x0d

/** The counter for an answer of this content type; undefined where it comes in one piece. */
export function recordCounter(contentType: string): RecordCounter | undefined {
  if (contentType.startsWith('application/x-ndjson')) return new RecordCounter(false)
  return contentType.startsWith('text/event-stream') ? new RecordCounter(true) : undefined
}

/** Counts those that are complete. */
export class RecordCounter {
  readonly #endsWithBlankLine: boolean
  /** Whether the line that is being read is empty so far. */
  #isBlank = true
  #count = 0

  constructor(endsWithBlankLine: boolean) {
    this.#endsWithBlankLine = endsWithBlankLine
  }

  get count(): number {
    return this.#count
  }

  push(chunk: Buffer): void {
    let from = 0
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      const isBlank = this.#isBlank && isEmpty(chunk, from, at)
      if (isBlank === this.#endsWithBlankLine) this.#count += 1
      this.#isBlank = true
      from = at + 1
    }
    this.#isBlank &&= isEmpty(chunk, from, chunk.length)
  }
}

function isEmpty(chunk: Buffer, start: number, end: number): boolean {
  return end === start || (end === start + 1 && chunk[start] === carriageReturn)
}
