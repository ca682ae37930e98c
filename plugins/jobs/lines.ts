/** Lines of a body that comes in as a stream, in memory that does not grow with it. */
import { PassThrough, pipeline, type Readable } from 'node:stream'
import { setImmediate as yieldToOthers } from 'node:timers/promises'

const newline = 0x0a
const blank: ReadonlySet<number> = new Set(Buffer.from(' \t\r'))

/** Most lines, and about the most bytes, that are taken at a time: the event loop is not held for longer. */
const batchLines = 256
const batchBytes = 1024 * 1024
/** What is read ahead. A request alone reads 64 KiB, which would be a commit for every few dozen jobs. */
const aheadBytes = 1024 * 1024

/** The bytes of a line without its end, or undefined for one that is too long. */
export type Line = Buffer | undefined

/** Cuts bytes into lines. Of one that is longer than `limitBytes` nothing is kept. */
export class LineSplitter {
  readonly #limitBytes: number
  #pieces: Buffer[] = []
  #sizeBytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** The lines that end in `chunk`. */
  *push(chunk: Buffer): Generator<Line> {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#add(chunk.subarray(start, end))
      yield this.#take()
      start = end + 1
    }
    if (start < chunk.length) this.#add(chunk.subarray(start))
  }

  /** Whether all that came so far were whole lines. */
  get isBetweenLines(): boolean {
    return this.#sizeBytes === 0
  }

  /** What came after the last end of a line: a line too, where the stream was whole. */
  rest(): Line {
    return this.#take()
  }

  #add(piece: Buffer): void {
    this.#sizeBytes += piece.length
    if (this.#sizeBytes > this.#limitBytes) this.#pieces = []
    else this.#pieces.push(piece)
  }

  #take(): Line {
    const [first = Buffer.alloc(0), ...others] = this.#pieces
    const isTooLong = this.#sizeBytes > this.#limitBytes
    this.#pieces = []
    this.#sizeBytes = 0
    if (isTooLong) return undefined
    return others.length === 0 ? first : Buffer.concat([first, ...others])
  }
}

/**
 * The lines of a body that are not blank, as many at a time as are there. A body that is cut off ends with its last
 * whole line.
 */
export async function* batchesOf(body: Readable, splitter: LineSplitter): AsyncGenerator<Line[]> {
  const ahead = pipeline(body, new PassThrough({ highWaterMark: aheadBytes }), () => {})
  try {
    for await (const chunk of ahead) {
      for (const batch of batched(splitter.push(chunk))) {
        yield batch
        // Others have their turn, and what lies in the socket is read meanwhile.
        await yieldToOthers()
      }
    }
  } catch {
    // The client has left: nobody hears of the rest.
    return
  }
  yield* batched([splitter.rest()])
}

function* batched(lines: Iterable<Line>): Generator<Line[]> {
  let batch: Line[] = []
  let sizeBytes = 0
  for (const line of lines) {
    if (line?.every(byte => blank.has(byte))) continue
    batch.push(line)
    sizeBytes += line?.length ?? 0
    if (batch.length < batchLines && sizeBytes < batchBytes) continue
    yield batch
    batch = []
    sizeBytes = 0
  }
  if (batch.length > 0) yield batch
}
