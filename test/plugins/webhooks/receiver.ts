/** A receiver that keeps what is sent to it, and answers as a test says. */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Scope } from '../../helpers/foreman.ts'

/** One request, whole. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** As it came: what is signed. */
  readonly body: string
  /** The same, parsed. */
  readonly json: { readonly type: string; readonly timestamp: string; readonly data: Record<string, unknown> }
}

/** What it answers. */
export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Decides; the answer comes when that is done. */
export type Behaviour = (received: Received) => Reply | Promise<Reply>

const patienceMs = 20_000

/** Starts one on a free port of the loopback address; it is gone when the test is over. */
export async function startReceiver(t: Scope): Promise<Receiver> {
  const receiver = new Receiver()
  await receiver.listen(t)
  return receiver
}

/** Answers 204 until it is told otherwise. */
export class Receiver {
  /** All so far, the oldest first. */
  readonly requests: Received[] = []
  readonly #news = new EventEmitter<{ request: [] }>()
  readonly #server = createServer(async (request, response) => {
    const body = await text(request)
    const { url: path = '', headers } = request
    const received = { path, headers, body, json: JSON.parse(body) }
    this.requests.push(received)
    this.#news.emit('request')
    const reply = await this.#behave(received)
    response.writeHead(reply.status ?? 204, reply.headers).end(reply.body)
  })
  #behave: Behaviour = () => ({})

  /** Begins. */
  async listen(t: Scope): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    t.after(() => {
      this.#server.closeAllConnections()
      this.#server.close()
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`
  }

  /** Its entry in `plugins.webhooks.allow`. */
  get allow(): string {
    return `127.0.0.1:${this.port}`
  }

  /** From now on it answers so. */
  answers(reply: Reply | Behaviour): void {
    this.#behave = typeof reply === 'function' ? reply : () => reply
  }

  /** The `n`-th request, from 1, past or to come. @throws {Error} after 20 s without */
  async nth(n: number): Promise<Received> {
    const signal = AbortSignal.timeout(patienceMs)
    while (this.requests.length < n) await once(this.#news, 'request', { signal })
    return this.requests[n - 1]!
  }
}
