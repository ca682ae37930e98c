/**
 * The connections to receivers that are open now, and those kept for the next event.
 *
 * A connection is found again only by the receiver's origin together with the very addresses that its name has now and
 * that have just been checked. So a kept connection spares no attempt its check, and a name that leads elsewhere by now
 * gets a new connection. None waits for another: how many there are at once is how much is being sent.
 */
import { Connection } from './connection.ts'
import type { Destination } from './rules.ts'

/** Kept at once, over all receivers: each is an open file of the process. The longest unused goes first. */
const KEPT_AT_MOST = 64

/** Owned by one sender. Leaves nothing behind for a receiver that was not used for some seconds. */
export class Connections {
  readonly #timeoutMs: number
  readonly #open = new Map<Connection, string>()
  /** In the order in which they were last used. */
  #kept: Connection[] = []

  /** @param timeoutMs the longest that TCP and TLS together may take */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** How many there are, in use or kept. */
  get size(): number {
    return this.#open.size
  }

  /** One for a single request, to be given back after it. `fresh` asks for one that was never used. */
  take(to: Destination, addresses: readonly string[], fresh: boolean): Connection {
    const key = [to.url.origin, ...addresses.toSorted()].join(' ')
    const kept = fresh ? undefined : this.#kept.findLast(one => this.#open.get(one) === key)
    this.#kept = this.#kept.filter(one => one !== kept)
    const connection = kept ?? this.#make(key, to, addresses)
    connection.begin()
    return connection
  }

  /** Takes a connection back. It is kept where the whole answer was read and it still stands, else cut. */
  give(connection: Connection, whole: boolean): void {
    if (!whole || !connection.isFree) return void this.#drop(connection)
    connection.answered += 1
    this.#kept.push(connection)
    if (this.#kept.length > KEPT_AT_MOST) void this.#drop(this.#kept[0]!)
  }

  /** Cuts all of them. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map(connection => this.#drop(connection)))
  }

  #make(key: string, to: Destination, addresses: readonly string[]): Connection {
    const connection = new Connection({ to, addresses, timeoutMs: this.#timeoutMs })
    this.#open.set(connection, key)
    connection.client.on('disconnect', () => {
      // One that is in use is given back by whoever uses it.
      if (this.#kept.includes(connection)) void this.#drop(connection)
    })
    return connection
  }

  #drop(connection: Connection): Promise<void> {
    this.#open.delete(connection)
    this.#kept = this.#kept.filter(one => one !== connection)
    return connection.cut()
  }
}
