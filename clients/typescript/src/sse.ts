/**
 * Server-sent events out of bytes.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6.
 */

/** One event of a stream. What is not ended by a blank line is none. */
export interface Frame {
  id?: string
  /** Defaults to `message`. */
  event: string
  data: string
}

/** Takes a stream apart. Chunks may be cut anywhere but within a character. */
export class FrameParser {
  #rest = ''
  #afterCr = false
  #isFirst = true
  #fields: Partial<Frame> = {};

  /** The events that `chunk` completes. */
  *push(chunk: string): Generator<Frame> {
    if (chunk === '') return
    const text = this.#rest + this.#withoutMarks(chunk)
    const lines = text.split(/\r\n|\n|\r/)
    this.#rest = lines.pop()!
    for (const line of lines) {
      if (line === '') yield* this.#dispatch()
      else this.#read(line)
    }
  }

  // A mark of byte order at the very beginning, and the second half of a line end whose first came with the last chunk.
  #withoutMarks(chunk: string): string {
    let text = chunk
    if (this.#isFirst && text.startsWith('\uFEFF')) text = text.slice(1)
    this.#isFirst = false
    if (this.#afterCr && text.startsWith('\n')) text = text.slice(1)
    this.#afterCr = chunk.endsWith('\r')
    return text
  }

  #read(line: string): void {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line)!
    const fields = this.#fields
    if (name === 'data') fields.data = fields.data === undefined ? value! : `${fields.data}\n${value}`
    else if (name === 'event') fields.event = value!
    else if (name === 'id' && !value!.includes('\0')) fields.id = value!
  }

  *#dispatch(): Generator<Frame> {
    const { id, event, data } = this.#fields
    this.#fields = {}
    if (data !== undefined) yield { ...(id !== undefined && { id }), event: event || 'message', data }
  }
}

/** The events of a body, as they come. `onChunk` is told of everything that comes, comments too. */
export async function* framesOf(
  body: ReadableStream<Uint8Array>,
  onChunk: () => void = () => {}
): AsyncGenerator<Frame> {
  const parser = new FrameParser()
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const reader = body.getReader()
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      onChunk()
      yield* parser.push(decoder.decode(value, { stream: true }))
    }
  } finally {
    // Whoever stops in the middle leaves the connection.
    await reader.cancel().catch(() => {})
  }
}
