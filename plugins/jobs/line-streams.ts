/** Answers of one JSON value a line, written as they are made. Their number and length have no limit. */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

/** The media type of foreman's lines. */
export const linesType = 'application/x-ndjson'

/** Other names under which clients know the same. */
export const lineTypes: readonly string[] = [
  linesType,
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines'
]

/** The answers that are being written. */
export class LineStreams {
  readonly #open = new Set<FastifyReply['raw']>()

  /**
   * Sends `pieces` as the client takes them.
   * @param aheadBytes how much is made before the client takes it
   */
  send(reply: FastifyReply, pieces: AsyncIterable<Buffer>, aheadBytes: number): FastifyReply {
    const { raw } = reply
    this.#open.add(raw)
    raw.once('close', () => this.#open.delete(raw))
    return reply.type(linesType).send(Readable.from(pieces, { objectMode: false, highWaterMark: aheadBytes }))
  }

  /** Cuts all of them: an end that looked like one would hide that something is missing. */
  close(): void {
    for (const raw of this.#open) raw.destroy()
  }
}
