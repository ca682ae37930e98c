/**
 * The swap ledger: every swap that was tried, what loading came to, and what plain arrival order would have cost on
 * the same arrivals. Load times are learned again from it.
 *
 * Sums are kept by the hour and survive the rows they were made from. A load of arrival order costs what the loads of
 * its runner took on the mean; one that was never loaded costs nothing, so that the ledger claims no more than it saw.
 */
import type { Database, Statement } from 'better-sqlite3'
import { ArrivalOrder } from '../jobs/arrival-order.ts'
import type { LoadTimes } from './load-times.ts'

/** One swap. Times in ms. */
export interface Swap {
  readonly runner: string
  /** The name it was asked for by. */
  readonly model: string
  /** Runner that had to go; null where the slot was empty. */
  readonly evicted: string | null
  /** ms since 1970. */
  readonly startedAt: number
  readonly durationMs: number
  /** False where it was not loaded in the end. */
  readonly loaded: boolean
}

/** What loading came to. Times in ms. */
export interface SwapFigures {
  readonly loads: number
  readonly loadMs: number
  /** What plain arrival order would have cost on the same arrivals. */
  readonly arrivalLoads: number
  readonly arrivalLoadMs: number
  /** From when on it is counted, ms since 1970. */
  readonly since: number
}

type Sums = Omit<SwapFigures, 'since'>

const hourMs = 3_600_000
/** The hour that has begun is the last of them. */
const hoursOfDay = 24

const loadedMean =
  '(SELECT ifnull(avg(duration_ms), 0) FROM swap WHERE swap.runner = hours.runner AND loaded = 1)'

const sumQuery = `SELECT ifnull(sum(loads), 0) AS loads, ifnull(sum(load_ms), 0) AS loadMs,
    ifnull(sum(arrival_loads), 0) AS arrivalLoads, ifnull(sum(arrival_loads * ${loadedMean}), 0) AS arrivalLoadMs
  FROM (SELECT runner, sum(loads) AS loads, sum(load_ms) AS load_ms, sum(arrival_loads) AS arrival_loads
    FROM swap_hour WHERE hour >= @from AND hour < @to GROUP BY runner) AS hours`

/** Writes swaps, teaches what it remembers, and tells what it came to. */
export class SwapLedger {
  readonly #db: Database
  readonly #arrivals: ArrivalOrder
  readonly #insert: Statement
  readonly #count: Statement
  readonly #sum: Statement
  readonly #total: Statement

  constructor(db: Database) {
    this.#db = db
    this.#arrivals = new ArrivalOrder(db)
    this.#insert = db.prepare(
      'INSERT INTO swap (runner, model, evicted, started_at, duration_ms, loaded) VALUES (?, ?, ?, ?, ?, ?)'
    )
    this.#count = db.prepare(`INSERT INTO swap_hour (hour, runner, loads, load_ms, arrival_loads)
      VALUES (?, ?, 1, ?, 0)
      ON CONFLICT (hour, runner) DO UPDATE SET loads = loads + 1, load_ms = load_ms + excluded.load_ms`)
    this.#sum = db.prepare(sumQuery)
    this.#total = db.prepare(`SELECT loads, load_ms AS loadMs, arrival_loads AS arrivalLoads,
      arrival_load_ms AS arrivalLoadMs, since FROM swap_total`)
  }

  record({ runner, model, evicted, startedAt, durationMs, loaded }: Swap): void {
    this.#db.transaction(() => {
      this.#insert.run(runner, model, evicted, startedAt, durationMs, loaded ? 1 : 0)
      if (loaded) this.#count.run(Math.floor((startedAt + durationMs) / hourMs), runner, durationMs)
    })()
  }

  /** Teaches `loadTimes` the newest swaps of every runner, oldest first. */
  teach(loadTimes: LoadTimes, newest = 1000): void {
    const rows = this.#db
      .prepare(
        `SELECT runner, ms FROM (SELECT seq, runner, duration_ms AS ms FROM swap WHERE loaded = 1
         ORDER BY seq DESC LIMIT ?) ORDER BY seq`
      )
      .all(newest) as { runner: string; ms: number }[]
    for (const { runner, ms } of rows) loadTimes.record(runner, ms)
  }

  /** Counts arrivals that are not in the figures yet, some at a time. @returns whether there may be more */
  advance(): boolean {
    return this.#arrivals.advance()
  }

  /** All of it, since foreman counts. */
  inAll(): SwapFigures {
    const total = this.#total.get() as SwapFigures
    return { ...added(total, this.#between(0)), since: total.since }
  }

  /** The last day, by whole hours. */
  lastDay(now: number): SwapFigures {
    const hour = firstHour(now)
    const { since } = this.#total.get() as SwapFigures
    return { ...this.#between(hour), since: Math.max(since, hour * hourMs) }
  }

  /** Sums the hours before the last day up into one row. */
  fold(now: number): void {
    const hour = firstHour(now)
    this.#db.transaction(() => {
      const { loads, loadMs, arrivalLoads, arrivalLoadMs } = this.#between(0, hour)
      this.#db
        .prepare(
          `UPDATE swap_total SET loads = loads + ?, load_ms = load_ms + ?, arrival_loads = arrival_loads + ?,
           arrival_load_ms = arrival_load_ms + ?`
        )
        .run(loads, loadMs, arrivalLoads, arrivalLoadMs)
      this.#db.prepare('DELETE FROM swap_hour WHERE hour < ?').run(hour)
    })()
  }

  #between(from: number, to = Number.MAX_SAFE_INTEGER): Sums {
    return this.#sum.get({ from, to }) as Sums
  }
}

function firstHour(now: number): number {
  return Math.floor(now / hourMs) - hoursOfDay + 1
}

function added(a: Sums, b: Sums): Sums {
  return {
    loads: a.loads + b.loads,
    loadMs: a.loadMs + b.loadMs,
    arrivalLoads: a.arrivalLoads + b.arrivalLoads,
    arrivalLoadMs: a.arrivalLoadMs + b.arrivalLoadMs
  }
}
