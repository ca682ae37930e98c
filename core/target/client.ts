/**
 * The HTTP client for the target, the one way in which foreman speaks to it.
 *
 * Built on undici's dispatcher, below its streams, so that a chunk of the answer reaches its handler in the turn of
 * the event loop in which it was read. It knows no timeouts of its own but the one for connecting: how long a run
 * may take or be silent is the worker's business. It never follows a redirect and never retries what may have run.
 */
import { Readable } from 'node:stream'
import { Connection } from './connection.ts'
import { Connections } from './connections.ts'
import type { TargetTls } from './connector.ts'
import { errorTextOf } from './error-text.ts'
import type { Flow, ResponseHandler, WireRequest } from './exchange.ts'
import { forwardHeaders, type HeaderField, type RawHeaders } from './headers.ts'
import { TargetError } from './target-error.ts'

export type { TargetTls } from './connector.ts'
export type { Flow, ResponseHandler } from './exchange.ts'
export { TargetError, type TargetErrorKind } from './target-error.ts'

const SECOND_MS = 1_000

/** Where the target is and how to get in. */
export interface TargetClientOptions {
  /** `http:` or `https:`; a path in it is kept in front of every path. */
  url: string | URL
  /** Sent as `Authorization: Bearer`. Defaults to none. */
  token?: string
  /** For an `https:` url. */
  tls?: TargetTls
  /** Longest wait for a connection, TLS included. Defaults to 10 s. */
  connectTimeoutMs?: number
  /** Told of every call when it is over. Must not throw. */
  onEnd?: (call: TargetCall) => void
}

/** A call that is over. */
export interface TargetCall {
  readonly method: string
  /** As in {@link TargetRequest}. */
  readonly path: string
  /** The target's status, where it answered. */
  readonly status: number | undefined
  /** What kept the answer from ending well. */
  readonly error?: TargetError
  /** Whether the answer told of a failure though its status promised none. */
  readonly saysError: boolean
}

/** A request for the target. */
export interface TargetRequest {
  method: string
  /** Path with query, starting with a slash, without the base path of the target's url. */
  path: string
  /** A client's fields, as they came; what must not cross is left out here (`forwardHeaders`). Defaults to none. */
  headers?: RawHeaders
  /** A Readable is sent once, with the `Content-Length` of `headers` if there is one. */
  body?: Buffer | Readable
}

/** Which connections carry a call: the worker's single one, or as many as are asked for. */
export type CallLane = 'worker' | 'shared'

/** How a call is made. */
export interface CallOptions {
  /** Ends the call by closing its connection, which is what makes Ollama stop computing. */
  signal?: AbortSignal
  lane: CallLane
}

/** How a small read is made. */
export interface JsonOptions {
  signal?: AbortSignal
  /** Longest time for the whole read. Defaults to 10 s. */
  timeoutMs?: number
}

/** A client for one target. Opens no connection before its first call; `close` or `destroy` it at the end. */
export class TargetClient {
  /** The target's address as configured, without credentials of foreman. */
  readonly url: URL
  readonly #basePath: string
  readonly #authorization: string[]
  readonly #lanes: Readonly<Record<CallLane, Connections>>
  readonly #onEnd: ((call: TargetCall) => void) | undefined

  constructor(options: TargetClientOptions) {
    this.url = new URL(options.url)
    this.#basePath = this.url.pathname.replace(/\/+$/, '')
    this.#authorization = options.token === undefined ? [] : ['authorization', `Bearer ${options.token}`]
    this.#onEnd = options.onEnd
    const connectTimeoutMs = options.connectTimeoutMs ?? 10 * SECOND_MS
    const open = () => new Connection({ url: this.url, tls: options.tls, connectTimeoutMs })
    this.#lanes = {
      worker: new Connections(1, open),
      shared: new Connections(Number.POSITIVE_INFINITY, open)
    }
  }

  /**
   * Sends a request and feeds the answer to the handler, whatever its status.
   *
   * Resolves when the answer has ended as its framing says. Rejects only when the exchange is really over: after an
   * abort or a failure, once the connection is closed, so that the next run cannot meet this one on the target.
   * On lane `worker` a call waits for the one before it.
   *
   * @throws {TargetError} of any kind but `unreachable` and `status`
   */
  async call(request: TargetRequest, handler: ResponseHandler, options: CallOptions): Promise<void> {
    const answer = new Noted(handler)
    let error: TargetError | undefined
    try {
      await this.#lanes[options.lane].run(this.#onWire(request), answer, options.signal)
    } catch (err) {
      error = err as TargetError
      throw err
    } finally {
      const { method, path } = request
      const saysError = error === undefined && handler.saysError?.() === true
      this.#onEnd?.({ method, path, status: answer.status, error, saysError })
    }
  }

  /**
   * A small read of foreman's own, on lane `shared`: sends `body` as JSON, returns the answer's JSON.
   *
   * @returns the parsed body, `undefined` for an empty one
   * @throws {TargetError} kind `status` for an answer other than 2xx, `unreachable` after `timeoutMs`
   */
  async json(method: string, path: string, body?: unknown, options: JsonOptions = {}): Promise<unknown> {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 10 * SECOND_MS)
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
    const answer = new CollectedAnswer()
    try {
      await this.call(jsonRequest(method, path, body), answer, { lane: 'shared', signal })
    } catch (error) {
      if (timeout.aborted && !options.signal?.aborted)
        throw new TargetError('unreachable', { cause: timeout.reason })
      throw error
    }
    return answer.json(`${method} ${path}`)
  }

  /** Takes no new calls and resolves when those in progress have ended. */
  async close(): Promise<void> {
    await Promise.all(Object.values(this.#lanes).map(lane => lane.close()))
  }

  /** Ends the calls in progress as `aborted` and resolves when all connections are closed. */
  async destroy(): Promise<void> {
    await Promise.all(Object.values(this.#lanes).map(lane => lane.destroy()))
  }

  #onWire({ method, path, headers = [], body }: TargetRequest): WireRequest {
    let kept = forwardHeaders(headers)
    // undici counts a buffer itself; a length the client sent would be wrong where a byte was replaced.
    if (!(body instanceof Readable)) kept = withoutContentLength(kept)
    return { method, path: this.#basePath + path, headers: [...kept, ...this.#authorization], body }
  }
}

/** Notes the status on its way. */
class Noted implements ResponseHandler {
  readonly #handler: ResponseHandler
  status: number | undefined

  constructor(handler: ResponseHandler) {
    this.#handler = handler
  }

  head(status: number, headers: HeaderField[], flow: Flow): void {
    this.status = status
    this.#handler.head(status, headers, flow)
  }

  data(chunk: Buffer): void {
    this.#handler.data(chunk)
  }
}

/** Holds a whole answer in memory. */
class CollectedAnswer implements ResponseHandler {
  #status = 0
  readonly #chunks: Buffer[] = []

  head(status: number): void {
    this.#status = status
  }

  data(chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  /** @throws {TargetError} kind `status` or `protocol` */
  json(asked: string): unknown {
    const text = Buffer.concat(this.#chunks).toString()
    if (this.#status < 200 || this.#status > 299) {
      const words = errorTextOf(text)
      const detail = `${asked} answered ${this.#status}: ${words}`
      throw new TargetError('status', { status: this.#status, text: words, detail })
    }
    try {
      return text === '' ? undefined : JSON.parse(text)
    } catch (cause) {
      throw new TargetError('protocol', { cause, detail: `${asked} answered something else than JSON` })
    }
  }
}

function jsonRequest(method: string, path: string, body: unknown): TargetRequest {
  if (body === undefined) return { method, path }
  const headers = ['content-type', 'application/json']
  return { method, path, headers, body: Buffer.from(JSON.stringify(body)) }
}

function withoutContentLength(headers: string[]): string[] {
  return headers.filter((_, index) => headers[index - (index % 2)]!.toLowerCase() !== 'content-length')
}
