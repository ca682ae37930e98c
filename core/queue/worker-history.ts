/** What the worker did in a time that has passed: its runs and swaps, one after another, as they were recorded. */
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { Database, Statement } from 'better-sqlite3'

/** One run or swap. Times in ms since 1970. */
export interface Span {
  readonly kind: 'run' | 'swap'
  readonly from: number
  readonly to: number
  readonly runner: string
  /** The name that it was asked for by; null where that was not recorded. */
  readonly model: string | null
  /** The job of a run. */
  readonly jobSeq: number | null
  /** False for a swap that failed. */
  readonly loaded: boolean
}

type SpanRow = Omit<Span, 'loaded'> & { readonly loaded: number }

const sliceRows = 2000

/** Reads the worker's lane. */
export class WorkerHistory {
  readonly #runs: Statement
  readonly #swaps: Statement
  readonly #before: Statement

  constructor(db: Database) {
    this.#runs = db.prepare(`SELECT 'run' AS kind, began_at AS "from", ended_at AS "to", runner, model,
      job_seq AS jobSeq, 1 AS loaded, seq FROM run
      WHERE (ended_at, seq) > (+@after, +@seq) AND lane = 'worker' ORDER BY ended_at, seq LIMIT @limit`)
    this.#swaps =
      db.prepare(`SELECT 'swap' AS kind, started_at AS "from", started_at + duration_ms AS "to", runner,
      model, NULL AS jobSeq, loaded FROM swap
      WHERE started_at < ? AND started_at + duration_ms > ? ORDER BY seq`)
    this.#before = db.prepare(`SELECT runner, model FROM run WHERE ended_at <= +? AND lane = 'worker'
      ORDER BY ended_at DESC LIMIT 1`)
  }

  /** All that lasted between the two times, some at a time: a day may have very many. */
  async *between(from: number, to: number): AsyncGenerator<Span> {
    const swaps = this.#swapsBetween(from, to)
    let place = { after: from, seq: Number.MAX_SAFE_INTEGER }
    for (;;) {
      const rows = this.#runs.all({ ...place, limit: sliceRows }) as (SpanRow & { seq: number })[]
      for (const { seq, ...run } of rows) {
        if (run.from >= to) break
        while (swaps[0] !== undefined && swaps[0].from <= run.from) yield swaps.shift()!
        yield { ...run, loaded: true }
      }
      const last = rows.at(-1)
      if (rows.length < sliceRows || last!.from >= to) break
      place = { after: last!.to, seq: last!.seq }
      await yieldToOthers()
    }
    yield* swaps
  }

  /** What ran last before `at`. */
  lastBefore(at: number): Pick<Span, 'runner' | 'model'> | undefined {
    return this.#before.get(at) as Pick<Span, 'runner' | 'model'> | undefined
  }

  #swapsBetween(from: number, to: number): Span[] {
    const rows = this.#swaps.all(to, from) as SpanRow[]
    return rows.map(row => ({ ...row, loaded: row.loaded === 1 }))
  }
}
