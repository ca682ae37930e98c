/**
 * Sends one event to one receiver, and tells what came of it.
 *
 * Every attempt goes the whole way: the URL is judged, its name looked up, all its addresses checked, and only those
 * are dialled. Redirects are not followed, no proxy of the environment is used unless that was asked for, nothing of
 * the answer is decoded. Source of the success and failure of an answer: Standard Webhooks 1.0.0, "Deliverability".
 */
import type { Answer } from './answer.ts'
import { checkedAddresses, type GuardOptions } from './checked-addresses.ts'
import { Connections } from './connections.ts'
import { Deadline } from './deadline.ts'
import { type Exchanged, type ExchangeOptions, exchange } from './exchange.ts'
import { faultOf } from './faults.ts'
import { dnsLookup, type Lookup } from './lookup.ts'
import { answered, failed, type Trip } from './read-answer.ts'
import type { Destination, EgressRules } from './rules.ts'
import { viaProxy } from './via-proxy.ts'

export type { Answer, Outcome } from './answer.ts'

/** How a sender is made. */
export interface SenderOptions {
  readonly rules: EgressRules
  /** For the whole attempt, from the call to the end of what is read. */
  readonly timeoutMs: number
  /** For TCP and TLS together. */
  readonly connectTimeoutMs: number
  /** The header `user-agent`, such as `Foreman-Webhooks/1.0.0`. */
  readonly userAgent: string
  /** Whether the proxies that the environment names are used; then they look names up and filter addresses. */
  readonly viaProxy: boolean
  /** Defaults to DNS, and to the system's lookup for hosts that the operator listed. */
  readonly lookup?: Lookup
}

/** What is sent: a POST. */
export interface Outgoing {
  readonly url: string
  /** Whatever belongs to the event; `host`, `content-length` and `user-agent` are seen to. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | string
}

/** Told which address was reached by a request that failed. */
type OnAddress = (address: string | null) => void

/** Sends as many events at once as it is asked to; whoever asks sees to how many that are. */
export class Sender {
  readonly #options: SenderOptions
  readonly #guard: GuardOptions
  readonly #connections: Connections
  readonly #proxies: ReturnType<typeof viaProxy> | undefined
  readonly #closing = new AbortController()

  constructor(options: SenderOptions) {
    this.#options = options
    const way = { ...options, lookup: options.lookup ?? dnsLookup() }
    this.#guard = way
    this.#connections = new Connections(options.connectTimeoutMs)
    this.#proxies = options.viaProxy ? viaProxy(way) : undefined
  }

  /** Connections that are open now, in use or kept for the next event; those of proxies are not counted. */
  get connections(): number {
    return this.#connections.size
  }

  /**
   * Makes one attempt. Never rejects, whatever the receiver does.
   *
   * @param signal ends it early: outcome `timeout`, error "stopped"
   */
  async send(message: Outgoing, signal?: AbortSignal): Promise<Answer> {
    const startedAt = performance.now()
    const deadline = new Deadline(this.#options.timeoutMs, [
      this.#closing.signal,
      ...(signal ? [signal] : [])
    ])
    let address: string | null = null
    try {
      const trip = await this.#go(message, deadline, at => (address = at))
      return answered(trip, performance.now() - startedAt)
    } catch (error) {
      return failed(faultOf(error, 'answer'), address, performance.now() - startedAt)
    } finally {
      deadline.done()
    }
  }

  /** Waits for nothing: what is in flight is cut, and ends as stopped. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([this.#connections.close(), this.#proxies?.destroy()])
  }

  async #go({ url, headers, body }: Outgoing, deadline: Deadline, onAddress: OnAddress): Promise<Trip> {
    const to = this.#options.rules.destination(url)
    const named = { ...headers, 'user-agent': this.#options.userAgent }
    const request: ExchangeOptions = { url: to.url, headers: named, body, deadline }
    if (this.#proxies !== undefined) {
      return { to, address: null, got: await exchange(this.#proxies, request) }
    }
    const addresses = await deadline.race(checkedAddresses(this.#guard, to, deadline.signal))
    return this.#onConnection(to, addresses, request, onAddress)
  }

  async #onConnection(
    to: Destination,
    addresses: readonly string[],
    request: ExchangeOptions,
    onAddress: OnAddress,
    fresh = false
  ): Promise<Trip> {
    const connection = this.#connections.take(to, addresses, fresh)
    const { signal } = request.deadline
    const breakOff = () => connection.breakOff()
    signal.addEventListener('abort', breakOff, { once: true })
    let got: Exchanged | undefined
    try {
      got = await exchange(connection.client, request)
      return { to, address: connection.address, got }
    } catch (error) {
      onAddress(connection.address)
      signal.throwIfAborted()
      // The receiver closed a kept connection as it was used again (RFC 9112 section 9.3.1). It knows an event by its id.
      const wasStale = connection.answered > 0 && faultOf(error, 'answer').message === 'connection closed'
      if (!wasStale) throw error
    } finally {
      signal.removeEventListener('abort', breakOff)
      this.#connections.give(connection, got?.whole ?? false)
    }
    return this.#onConnection(to, addresses, request, onAddress, true)
  }
}
