/**
 * Which requests leave HTTP for another protocol on their connection.
 *
 * Once anybody listens for upgrades, Node takes every request that asks for one out of HTTP, and reads no body. Many ask and do
 * not mean it: Java's HttpClient sends `Upgrade: h2c` with its plain POSTs. So only what is known here is an upgrade; all else
 * is answered as the request that it is (RFC 9110 section 7.8: a server may ignore the field).
 *
 * Node asks since 24.9 and 22.21. An older one does as above: there a POST with `Upgrade: h2c` gets no answer.
 * Source: https://nodejs.org/api/http.html, `shouldUpgradeCallback`
 */
import type { IncomingMessage } from 'node:http'

/** Kept by path. Offered as `app.upgrades`. */
export class Upgrades {
  readonly #addressOf: (raw: IncomingMessage) => string
  readonly #websockets = new Set<string>()

  /** @param addressOf the path and query by which a request is routed */
  constructor(addressOf: (raw: IncomingMessage) => string) {
    this.#addressOf = addressOf
  }

  /** From now on a WebSocket can be opened at the path. */
  addWebSocket(path: string): void {
    this.#websockets.add(path)
  }

  /** Whether a request that asks for an upgrade gets one. */
  takes(raw: IncomingMessage): boolean {
    if (raw.method !== 'GET' || raw.headers.upgrade?.toLowerCase() !== 'websocket') return false
    const [path] = this.#addressOf(raw).split('?', 1)
    return this.#websockets.has(path!)
  }
}
