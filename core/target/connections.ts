/**
 * Connections to the target, each lent to one call at a time.
 */
import type { Connection } from './connection.ts'
import type { ResponseHandler, WireRequest } from './exchange.ts'
import { TargetError } from './target-error.ts'

/** A number of connections and the calls that share them. Connections are kept for later calls. */
export class Connections {
  readonly #limit: number
  readonly #open: () => Connection
  readonly #all: Connection[] = []
  readonly #idle: Connection[] = []
  readonly #waiting: ((connection: Connection) => void)[] = []
  #closed = false

  /** @param limit most calls at the same time; further ones wait in the order they came */
  constructor(limit: number, open: () => Connection) {
    this.#limit = limit
    this.#open = open
  }

  /**
   * Runs a call on a free connection, the one used last first.
   *
   * @throws {TargetError} when the call is over and its connection closed
   */
  async run(request: WireRequest, handler: ResponseHandler, signal?: AbortSignal): Promise<void> {
    if (this.#closed) throw new TargetError('aborted', { detail: 'client closed' })
    const connection = this.#take() ?? (await new Promise<Connection>(resolve => this.#waiting.push(resolve)))
    try {
      // Looked at after the wait: a connection handed to a call that has given up must be handed on all the same.
      if (signal?.aborted) throw new TargetError('aborted', { cause: signal.reason })
      await connection.run(request, handler, signal)
    } finally {
      this.#release(connection)
    }
  }

  /** Takes nothing new and resolves when all calls have ended. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#all.map(connection => connection.close()))
  }

  /** Ends all calls as `aborted` and resolves when their connections are closed. */
  async destroy(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#all.map(connection => connection.destroy()))
  }

  #take(): Connection | undefined {
    const idle = this.#idle.pop()
    if (idle || this.#all.length >= this.#limit) return idle
    const connection = this.#open()
    this.#all.push(connection)
    return connection
  }

  #release(connection: Connection): void {
    const next = this.#waiting.shift()
    if (next) next(connection)
    else this.#idle.push(connection)
  }
}
