/**
 * Stream tickets: for browsers, whose EventSource and WebSocket can set no header. A ticket stands for its token, for
 * looking alone, for a minute at most, and on the routes that take one (`config.ticket`). Kept in memory, hashed.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { TicketUse } from '../../core/access/access.ts'

/** What a ticket is good for. */
export interface TicketGrant {
  readonly tokenId: string
  /** The only job that it shows; undefined: all of the token's owner. */
  readonly jobId?: string
}

interface Kept extends TicketGrant {
  readonly expiresAt: number
}

const ticketBytes = 32
/** Of those that are still good; the oldest makes room. */
const mostTickets = 10_000

/** Gives tickets out and takes them back. */
export class Tickets {
  readonly #kept = new Map<string, Kept>()

  /** A new ticket that is good until `expiresAt`, ms since 1970. */
  issue(grant: TicketGrant, expiresAt: number, now: number): string {
    this.#makeRoom(now)
    const text = randomBytes(ticketBytes).toString('base64url')
    this.#kept.set(hashOf(text), { ...grant, expiresAt })
    return text
  }

  /** What the ticket is good for on a route; undefined where it is not, or not any more. */
  redeem(text: string, use: TicketUse, jobId: string | undefined, now: number): TicketGrant | undefined {
    const key = hashOf(text)
    const kept = this.#kept.get(key)
    if (kept === undefined || kept.expiresAt <= now) return undefined
    if (kept.jobId !== undefined && kept.jobId !== jobId) return undefined
    if (use === 'once') this.#kept.delete(key)
    return kept
  }

  #makeRoom(now: number): void {
    for (const [key, { expiresAt }] of this.#kept) {
      if (expiresAt > now && this.#kept.size < mostTickets) return
      this.#kept.delete(key)
    }
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
