/**
 * Remembers what the fake did, so that a test can assert it or wait for it.
 *
 * Counters are exact for the life of the instance; the logs are rings.
 */
import { appendFileSync } from 'node:fs'
import type { CatalogEntry } from '../catalog/catalog.ts'
import { displayName } from '../catalog/model-name.ts'
import type { FakeConfig } from '../config.ts'

/** What can happen. */
export type FakeEventType =
  | 'request'
  | 'response_end'
  | 'client_gone'
  | 'queue'
  | 'queue_full'
  | 'load_start'
  | 'load'
  | 'load_fail'
  | 'load_abort'
  | 'attach'
  | 'evict'
  | 'unload'
  | 'crash'
  | 'generation_start'
  | 'generation_end'
  | 'catalog'

/** One thing that happened. */
export interface FakeEvent {
  /** Counts from 1 without a gap. */
  seq: number
  /** Monotonic ms since the fake started. */
  at_ms: number
  type: FakeEventType
  /** Listed name of the model, if one is meant. */
  model?: string
  /** Number of the request, counted from 1, if one is the cause. */
  request?: number
  detail?: string
}

/** Concurrency of generations, now and at its highest. */
export interface Gauge {
  current: number
  max: number
}

/** Events, counters and whoever waits for the next event. */
export class Recorder {
  readonly #config: () => FakeConfig
  #events: FakeEvent[] = []
  #seq = 0
  #waiters: (() => void)[] = []
  readonly counts: Partial<Record<FakeEventType, number>> = {}
  readonly loadsByModel: Record<string, number> = {}
  readonly generations: Gauge = { current: 0, max: 0 }
  readonly generationsByModel: Record<string, Gauge> = {}

  constructor(config: () => FakeConfig) {
    this.#config = config
  }

  /** The number of the newest event. */
  get seq(): number {
    return this.#seq
  }

  /** Logs an event and wakes whoever waits for one. */
  event(type: FakeEventType, entry?: CatalogEntry, request?: number, detail?: string): void {
    const model = entry && displayName(entry.name)
    const event = { seq: ++this.#seq, at_ms: performance.now(), type, model, request, detail }
    this.#events.push(event)
    this.#append(event)
    // Trimmed by halves, so that a full log costs one copy per many events.
    const limit = this.#config().event_log_limit
    if (this.#events.length > 2 * limit) this.#events = this.#events.slice(-limit)
    this.counts[type] = (this.counts[type] ?? 0) + 1
    if (type === 'load' && model !== undefined) this.loadsByModel[model] = (this.loadsByModel[model] ?? 0) + 1
    if (this.#waiters.length > 0) this.#wake()
  }

  /** The whole body of a request has come in: told to the file of events, with the time, and to nobody else. */
  body(request: number, body: Buffer): void {
    this.#append({ type: 'body', request, detail: body.toString() })
  }

  generationStart(entry: CatalogEntry, request: number): void {
    for (const gauge of this.#gauges(entry)) gauge.max = Math.max(gauge.max, ++gauge.current)
    this.event('generation_start', entry, request)
  }

  generationEnd(entry: CatalogEntry, request: number, detail: string): void {
    for (const gauge of this.#gauges(entry)) gauge.current--
    this.event('generation_end', entry, request, detail)
  }

  /** Remembered events after number `since`, oldest first. */
  eventsSince(since: number): FakeEvent[] {
    const oldest = this.#seq - this.#events.length
    return this.#events.slice(Math.max(0, since - oldest)).slice(-this.#config().event_log_limit)
  }

  /** Resolves when an event after `since` exists, or after `waitMs`. */
  async waitBeyond(since: number, waitMs: number): Promise<void> {
    if (this.#seq > since || waitMs <= 0) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, waitMs)
      this.#waiters.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Lets every waiter go, since this log will grow no more. */
  close(): void {
    this.#wake()
  }

  #gauges(entry: CatalogEntry): Gauge[] {
    const model = displayName(entry.name)
    this.generationsByModel[model] ??= { current: 0, max: 0 }
    return [this.generations, this.generationsByModel[model]]
  }

  // At once and whole: the next moment may be the process's last.
  #append(line: object): void {
    const { event_file: file } = this.#config()
    if (file !== '') appendFileSync(file, `${JSON.stringify({ ...line, at: Date.now() })}\n`)
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}
