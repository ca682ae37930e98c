/** Everybody who came to the farm: counted always, kept where that is wanted. */
import { EventEmitter, once } from 'node:events'

/** One call of a receiver. */
export interface Visit {
  /** Its number in the farm, from 1. */
  readonly n: number
  /** When it had come whole, ms since 1970. */
  readonly at: number
  readonly receiver: string
  /** Left out by receivers that read no HTTP: they note a visit as soon as somebody has connected. */
  readonly request?: {
    readonly path: string
    readonly headers: Record<string, string>
    readonly body: string
  }
  /** What it is answered with; left out where it gets no status. */
  readonly status?: number
}

/** What a receiver saw of the world. */
export interface Count {
  /** Connections ever made, and those open now. */
  connections: number
  open: number
  visits: number
  /** Of the first and the last visit, ms since 1970. */
  firstAt?: number
  lastAt?: number
}

/** All visits of one farm. */
export class Visits {
  readonly #counts: Record<string, Count> = {}
  readonly #news = new EventEmitter<{ visit: [] }>()
  #kept: Visit[] = []
  #last = 0

  /** Of each receiver that is there. */
  get counts(): Readonly<Record<string, Count>> {
    return this.#counts
  }

  /** The counter of `receiver`, made where it is not there. */
  count(receiver: string): Count {
    this.#counts[receiver] ??= { connections: 0, open: 0, visits: 0 }
    return this.#counts[receiver]
  }

  /** Notes a visit of this very moment. */
  add(visit: Omit<Visit, 'n' | 'at'>, keep: boolean): void {
    const at = Date.now()
    const count = this.count(visit.receiver)
    count.visits += 1
    count.firstAt ??= at
    count.lastAt = at
    this.#last += 1
    if (keep) this.#kept.push({ n: this.#last, at, ...visit })
    this.#news.emit('visit')
  }

  /** Those kept after number `since`; where there are none, it waits up to `waitMs` for the next. */
  async after(since: number, waitMs: number): Promise<readonly Visit[]> {
    const found = this.#from(since)
    if (found.length > 0 || waitMs <= 0) return found
    await once(this.#news, 'visit', { signal: AbortSignal.timeout(waitMs) }).catch(() => {})
    return this.#from(since)
  }

  /** Drops what was kept, and the counts of visits. Numbers go on. */
  forget(): void {
    this.#kept = []
    for (const count of Object.values(this.#counts)) {
      count.visits = 0
      delete count.firstAt
      delete count.lastAt
    }
  }

  // From the back: who asks has seen nearly all of them.
  #from(since: number): readonly Visit[] {
    return this.#kept.slice(this.#kept.findLastIndex(({ n }) => n <= since) + 1)
  }
}
