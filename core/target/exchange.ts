/**
 * One request and its answer on one connection, as undici reports them.
 *
 * Chunks are handed on in the call in which the parser finds them: nothing is buffered, joined or split here.
 */
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { HeaderField } from './headers.ts'
import { type ExchangePhase, TargetError, toTargetError } from './target-error.ts'

/** A request as it goes on the wire. */
export interface WireRequest {
  method: string
  /** Path with query, starting with a slash. */
  path: string
  /** Flat list of names and values, `Host` and framing left out. */
  headers: string[]
  body?: Buffer | Readable
}

/** Holds the answer back and lets it go on. Works on the TCP window, so the target feels it. */
export interface Flow {
  pause(): void
  resume(): void
}

/** Receives an answer while it arrives. An exception from either method ends the call as `aborted`. */
export interface ResponseHandler {
  /** Status and fields, once, before any data. Interim answers (1xx) are not shown. */
  head(status: number, headers: HeaderField[], flow: Flow): void
  /**
   * One HTTP chunk, or the part of it that has arrived. After a pause what was already read may still come, and
   * all of the rest does when the target ends the connection.
   */
  data(chunk: Buffer): void
  /** Asked after the end: whether the answer told of a failure though its status promised none. */
  saysError?(): boolean
}

/** What an exchange asks of the connection that carries it. */
export interface Carrier {
  /** The socket in use now, also while it is still connecting. */
  readonly socket: Socket | undefined
}

/** The dispatch handler of one attempt to get one answer. Use it once. */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Settles when the exchange is over: after a failure only once its connection is closed. */
  readonly done: Promise<void>
  /** How far it came. */
  phase: ExchangePhase = 'connecting'
  /** The socket the request was written to. */
  socket: Socket | undefined
  /** When it was written, as `performance.now()`. */
  sentAt = 0

  readonly #carrier: Carrier
  readonly #handler: ResponseHandler
  readonly #signal: AbortSignal | undefined
  #controller: Dispatcher.DispatchController | undefined
  #abortError: TargetError | undefined
  #resolve!: () => void
  #reject!: (error: TargetError) => void

  constructor(carrier: Carrier, handler: ResponseHandler, signal?: AbortSignal) {
    this.#carrier = carrier
    this.#handler = handler
    this.#signal = signal
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    signal?.addEventListener('abort', this.#abort)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.socket = this.#carrier.socket
    if (this.#abortError) {
      controller.abort(this.#abortError)
      return
    }
    this.phase = 'sent'
    this.sentAt = performance.now()
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return
    this.phase = 'answering'
    this.#handler.head(status, readFields(controller.rawHeaders), controller)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.data(chunk)
  }

  onResponseEnd(): void {
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#resolve()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#signal?.removeEventListener('abort', this.#abort)
    const failure = this.#abortError ?? toTargetError(error, this.phase)
    // undici reports a failure before it closes the socket; the target is free only when that has happened.
    if (!this.socket || this.socket.closed) this.#reject(failure)
    else this.socket.once('close', () => this.#reject(failure))
  }

  readonly #abort = (): void => {
    this.#abortError = new TargetError('aborted', { cause: this.#signal?.reason })
    if (this.#controller) this.#controller.abort(this.#abortError)
    else this.#carrier.socket?.destroy(this.#abortError)
  }
}

function readFields(raw: Dispatcher.DispatchController['rawHeaders']): HeaderField[] {
  const fields: HeaderField[] = []
  if (!Array.isArray(raw)) return fields
  for (let index = 0; index + 1 < raw.length; index += 2) {
    fields.push([raw[index]!.toString('latin1'), raw[index + 1]!.toString('latin1')])
  }
  return fields
}
