/**
 * One connection to the target, kept open between calls and made anew when it is gone.
 *
 * Carries one exchange at a time: its lane sees to that, which is why a socket and the call on it can be told.
 */
import type { Socket } from 'node:net'
import { Client } from 'undici'
import { type ConnectorOptions, openSocket } from './connector.ts'
import { type Carrier, Exchange, type ResponseHandler, type WireRequest } from './exchange.ts'
import { TargetError } from './target-error.ts'

/**
 * Idle time after which foreman closes a connection. Ollama itself never does; proxies and Node servers do after
 * 5 s and more, so this side is first, and a target that fell asleep in between is met with a fresh connection.
 */
const IDLE_MS = 4_000

/** A connection that was already dead when it was written to shows so within a round trip or two. */
const STALE_MS = 1_000

/** A connection and the exchanges on it. Opens no socket before it is first used. */
export class Connection implements Carrier {
  /** The socket in use now, also while it is still connecting. */
  socket: Socket | undefined
  readonly #client: Client
  #connecting: Socket | undefined
  /** The socket on which an answer has already ended well. */
  #proven: Socket | undefined

  constructor(options: ConnectorOptions) {
    this.#client = new Client(options.url.origin, {
      connect: (_target, callback) => {
        this.#connecting = openSocket(options, (error, socket) => {
          this.#connecting = undefined
          if (error) callback(error, null)
          else callback(null, socket)
        })
        this.socket = this.#connecting
      },
      // A cold load or a long prompt is silent for longer than any timeout here; the worker has its own.
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS
    })
  }

  /**
   * Sends a request and feeds the answer to the handler.
   *
   * A kept connection may die just as the request is written. That is told from a failed run by four things
   * together: the socket has served before, no byte of an answer came, it happened at once, and the body can be
   * sent again. Then the request goes out a second time, on a new connection, and only what happens there counts.
   *
   * @throws {TargetError} once the exchange is over and its connection closed
   */
  async run(request: WireRequest, handler: ResponseHandler, signal?: AbortSignal): Promise<void> {
    const first = this.#dispatch(request, handler, signal)
    try {
      await first.done
    } catch (error) {
      if (!this.#wasStale(first, error, request) || signal?.aborted) throw error
      await this.#dispatch(request, handler, signal).done.catch(again => {
        throw again.kind === 'refused' ? error : again
      })
    }
    this.#proven = this.socket
  }

  /** Closes after the exchange in progress; nothing new is taken. */
  async close(): Promise<void> {
    await this.#client.close()
  }

  /** Closes at once; the exchange in progress ends as `aborted`. */
  async destroy(): Promise<void> {
    const error = new TargetError('aborted', { detail: 'client destroyed' })
    // undici leaves a socket that is still connecting to its timeout.
    this.#connecting?.destroy(error)
    await this.#client.destroy(error)
  }

  #dispatch(request: WireRequest, handler: ResponseHandler, signal?: AbortSignal): Exchange {
    const exchange = new Exchange(this, handler, signal)
    this.#client.dispatch({ ...request, body: request.body ?? null }, exchange)
    return exchange
  }

  #wasStale(exchange: Exchange, error: unknown, request: WireRequest): boolean {
    return (
      error instanceof TargetError &&
      error.kind === 'reset' &&
      exchange.socket === this.#proven &&
      performance.now() - exchange.sentAt < STALE_MS &&
      (request.body === undefined || Buffer.isBuffer(request.body))
    )
  }
}
