/**
 * Stands between foreman and the fake and holds every load and every run until it is told how it goes: so a test
 * chooses the order in which things happen, and nothing happens by the clock.
 */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { FaultSpec } from '../fake-ollama/start.ts'
import type { Scope } from '../helpers/foreman.ts'

/** A request that waits for {@link Gate.release}. */
export interface Held {
  readonly kind: 'load' | 'run'
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly body: Buffer
}

/** Tells `change` when a request begins to wait, or waits no longer. */
export class Gate extends EventEmitter<{ change: [] }> {
  readonly url: string
  #held: Held | undefined
  readonly #target: string

  private constructor(url: string, target: string) {
    super()
    this.url = url
    this.#target = target
  }

  /** Opens one before `target`; it is closed when `scope` ends. */
  static async open(scope: Scope, target: string): Promise<Gate> {
    const server = createServer((incoming, outgoing) => void gate.#take(incoming, outgoing))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    scope.after(() => {
      server.close()
      server.closeAllConnections()
    })
    const gate = new Gate(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, target)
    return gate
  }

  /** What waits; never more than one, since foreman never has more on the target. */
  get held(): Held | undefined {
    return this.#held
  }

  /** Lets it go on, with a fault where one is given. */
  release(fault?: FaultSpec): void {
    const held = this.#held
    if (held === undefined) throw new Error('the gate holds nothing')
    this.#held = undefined
    this.#forward(held, fault)
  }

  /** Cuts off what waits: whoever sent it is no longer there. */
  drop(): void {
    this.#held?.outgoing.destroy()
    this.#held = undefined
  }

  async #take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming).catch(() => undefined)
    if (body === undefined) return
    const kind = kindOf(incoming.url!, body)
    const held: Held = { kind: kind ?? 'load', incoming, outgoing, body }
    if (kind === undefined) return this.#forward(held)
    if (this.#held !== undefined) throw new Error('foreman has two things on the target at once')
    this.#held = held
    outgoing.once('close', () => this.#gone(held))
    this.emit('change')
  }

  #gone(held: Held): void {
    if (this.#held !== held) return
    this.#held = undefined
    this.emit('change')
  }

  #forward({ incoming, outgoing, body }: Held, fault?: FaultSpec): void {
    const { method, headers, url } = incoming
    const marked = { ...headers, ...(fault && { 'x-fake-fault': JSON.stringify(fault) }) }
    const onward = request(new URL(url!, this.#target), { method, headers: marked, agent: false }, answer => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.on('error', () => outgoing.destroy())
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    onward.end(body)
  }
}

/** Undefined for what passes: reads, and the unload before a swap. */
function kindOf(url: string, body: Buffer): Held['kind'] | undefined {
  if (url === '/api/chat') return 'run'
  if (url !== '/api/generate') return undefined
  return JSON.parse(body.toString()).keep_alive === 0 ? undefined : 'load'
}
