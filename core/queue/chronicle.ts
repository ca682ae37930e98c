/**
 * Keeps the records that outlive the moment: what kept the queue from working, that foreman lives, what arrival order
 * would have cost; and clears what is too old. Nothing of it lies on the way of a job.
 */
import type { EventEmitter } from 'node:events'
import type { Database } from 'better-sqlite3'
import type { FastifyBaseLogger } from 'fastify'
import type { Stoppages } from './stoppages.ts'
import type { SwapLedger } from './swap-ledger.ts'

const tickMs = 1000
const minuteMs = 60_000
/** Batches of arrivals in one tick: some ms of work. */
const batchesPerTick = 2
/** Newest swaps that are kept however old they are: load times are learned from them. */
const swapsKept = 1000

/** Runs that are removed in one tick. */
const mostRuns = 5000
const oldRuns = 'DELETE FROM run WHERE seq IN (SELECT seq FROM run WHERE ended_at <= ? LIMIT ?)'

/** What the chronicle works with. Times in ms. */
export interface ChronicleParts {
  readonly db: Database
  readonly ledger: SwapLedger
  readonly stoppages: Stoppages
  readonly log: FastifyBaseLogger
  /** How long runs, swaps and stoppages are kept (`retention.history_s`). */
  readonly historyMs: number
  /** Whether anything waits or runs: an idle foreman leaves the disk alone, but for once a minute. */
  readonly hasWork: () => boolean
}

/** Records while foreman runs. */
export class Chronicle {
  readonly #parts: ChronicleParts
  #timer: NodeJS.Timeout | undefined
  #minuteAt = 0

  constructor(parts: ChronicleParts) {
    this.#parts = parts
  }

  /** Begins. The target counts as away until it is `up` for the first time. */
  start(reachability: EventEmitter<{ up: []; down: [error: never] }>, paused: boolean): void {
    if (paused) this.paused()
    this.#try(stoppages => stoppages.begin('target_down', Date.now()))
    reachability.on('up', () => this.#try(stoppages => stoppages.end('target_down', Date.now())))
    reachability.on('down', () => this.#try(stoppages => stoppages.begin('target_down', Date.now())))
    this.#timer = setInterval(() => this.#tick(Date.now()), tickMs)
  }

  /** The operator lets nothing be started. */
  paused(): void {
    this.#try(stoppages => stoppages.begin('paused', Date.now()))
  }

  /** And lets it again. */
  resumed(): void {
    this.#try(stoppages => stoppages.end('paused', Date.now()))
  }

  /** Everything has stopped. */
  stop(): void {
    clearInterval(this.#timer)
    this.#try(stoppages => {
      stoppages.live(Date.now())
      stoppages.begin('foreman_down', Date.now())
    })
  }

  #tick(now: number): void {
    const { ledger, hasWork } = this.#parts
    const minutely = now - this.#minuteAt >= minuteMs
    this.#try(stoppages => {
      if (minutely || hasWork()) stoppages.live(now)
      for (let batch = 0; batch < batchesPerTick && ledger.advance(); batch++);
      if (minutely && !this.clear(now)) this.#minuteAt = now
    })
  }

  /**
   * Removes what is older than `retention.history_s`, some of it at a time; what it added up to is kept.
   * @returns whether more is left
   */
  clear(now: number): boolean {
    const { db, ledger, historyMs } = this.#parts
    const before = now - historyMs
    const clear = db.transaction(() => {
      db.prepare('UPDATE chronicle SET since = ? WHERE since < ?').run(before, before)
      const runs = db.prepare(oldRuns).run(before, mostRuns).changes
      db.prepare('DELETE FROM stoppage WHERE ended_at <= ?').run(before)
      db.prepare('DELETE FROM swap WHERE started_at <= ? AND seq <= (SELECT max(seq) FROM swap) - ?').run(
        before,
        swapsKept
      )
      ledger.fold(now)
      return runs === mostRuns
    })
    return clear()
  }

  // A full disk leaves a gap in the record; it must not keep anything from working.
  #try(record: (stoppages: Stoppages) => void): void {
    const { stoppages, log } = this.#parts
    try {
      record(stoppages)
    } catch (err) {
      log.error({ err }, 'the record of the queue has a gap')
    }
  }
}
