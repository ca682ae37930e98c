/**
 * Writes the target's answer to the client as it comes: same status, same headers, same chunks.
 *
 * One thing is changed: an error without a body gets one, since clients take an empty one for success.
 */
import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'
import { type ForemanError, renderError, surfaceOf, TargetFailedError } from '../../core/errors.ts'
import type { AnswerSink } from '../../core/queue/answer.ts'
import type { Flow } from '../../core/target/client.ts'
import { cleanResponseHeaders, type HeaderField } from '../../core/target/headers.ts'

/** Bytes that may wait for a slow client before the target is held back. */
const highWaterBytes = 1024 * 1024

/** The sink of one hijacked reply. A client that has left makes every write a no-op. */
export class ReplySink implements AnswerSink {
  readonly #reply: FastifyReply
  #extra: readonly HeaderField[] = []
  #flow: Flow | undefined
  #held: { status: number; headers: HeaderField[] } | undefined

  constructor(reply: FastifyReply) {
    this.#reply = reply
    reply.hijack()
  }

  /** Headers of foreman's own that every answer carries from now on. */
  add(headers: Readonly<Record<string, string>>): void {
    this.#extra = [...this.#extra, ...Object.entries(headers)]
  }

  head(status: number, headers: readonly HeaderField[], flow: Flow): void {
    this.#flow = flow
    // A client that leaves drains nothing any more, and its job may go on without it.
    this.#reply.raw.once('close', () => flow.resume())
    const head = { status, headers: cleanResponseHeaders(headers) }
    if (status >= 400 && this.#reply.request.method !== 'HEAD') this.#held = head
    else this.#write(head)
  }

  data(chunk: Buffer): void {
    this.#release()
    const { raw } = this.#reply
    if (raw.destroyed) return
    if (raw.write(chunk) || raw.writableLength < highWaterBytes) return
    this.#flow?.pause()
    raw.once('drain', () => this.#flow?.resume())
  }

  end(): void {
    if (this.#held !== undefined) this.fail(wordless(this.#held.status))
    else this.#reply.raw.end()
  }

  /** Foreman's own words where nothing was sent yet; after that the connection is cut, as a broken target's would be. */
  fail(error: ForemanError): void {
    const { raw, request } = this.#reply
    if (raw.headersSent) {
      raw.destroy()
      return
    }
    const { status, headers, body } = renderError(error, surfaceOf(request.url), request.id)
    // On the reply, where hooks look for them.
    this.#reply.headers({ ...headers, 'content-length': String(Buffer.byteLength(body)) })
    raw.writeHead(status, this.#own().flat())
    raw.end(request.method === 'HEAD' ? undefined : body)
  }

  /** Foreman's own headers. What the door has said (allowed origins, rates) may change until the head is sent. */
  #own(): readonly HeaderField[] {
    const said = Object.entries(this.#reply.getHeaders())
    return [...said.map(([name, value]): HeaderField => [name, String(value)]), ...this.#extra]
  }

  #release(): void {
    if (this.#held === undefined) return
    this.#write(this.#held)
    this.#held = undefined
  }

  #write({ status, headers }: { status: number; headers: readonly HeaderField[] }): void {
    const { raw } = this.#reply
    raw.writeHead(status, [...headers, ...this.#own()].flat())
    // Header and first chunk leave together; a target that sends only the header must not look silent.
    setImmediate(() => {
      if (!raw.writableEnded && !raw.destroyed) raw.flushHeaders()
    })
  }
}

/** The target answered with an error and not a word about it: its status stands for the words. */
function wordless(status: number): ForemanError {
  const message = STATUS_CODES[status]?.toLowerCase() ?? `status ${status}`
  return Object.assign(new TargetFailedError(message), { statusCode: status, message })
}
