/** How many jobs are in which state, by class: from counts that are kept, as far as there are any. */
import type { Database, Statement } from 'better-sqlite3'
import type { QueueDepth } from '../../core/jobs/depth.ts'
import { type Priority, priorities } from '../../core/jobs/priority.ts'

const states = ['queued', 'delayed', 'loading', 'working', 'canceling'] as const

/** Jobs of one state and class. */
export interface Counted {
  readonly state: (typeof states)[number]
  readonly priority: Priority
  readonly jobs: number
}

/** Counting a million delayed jobs holds everything else up: it may take this part of the time at most. */
const countingShare = 0.001

const delayedQuery = `SELECT 'delayed' AS state, priority, count(*) AS jobs FROM job
  WHERE state = 'queued' AND ready = 0 AND available_at > +? GROUP BY priority`
const atWorkQuery = `SELECT state, priority, count(*) AS jobs FROM job
  WHERE state IN ('loading', 'working', 'canceling') GROUP BY state, priority`

/** Reads them at any time. */
export class QueueCounts {
  readonly #depth: QueueDepth
  readonly #delayed: Statement
  readonly #atWork: Statement
  #counted: { readonly delayed: Counted[]; readonly againAt: number } | undefined

  constructor(db: Database, depth: QueueDepth) {
    this.#depth = depth
    this.#delayed = db.prepare(delayedQuery)
    this.#atWork = db.prepare(atWorkQuery)
  }

  /** Every state and class. `now`: ms since 1970. */
  read(now: number): Counted[] {
    const delayed = this.#countDelayed(now)
    const counted = [...delayed, ...(this.#atWork.all() as Counted[])]
    const { byPriority } = this.#depth
    return states.flatMap(state =>
      priorities.map(priority => {
        const found = (wanted: Counted['state']) =>
          counted.find(one => one.state === wanted && one.priority === priority)?.jobs ?? 0
        // Those that were delayed when they were counted last may run by now, or be gone.
        const ready = Math.max(0, byPriority[priority] - found('delayed'))
        return { state, priority, jobs: state === 'queued' ? ready : found(state) }
      })
    )
  }

  #countDelayed(now: number): Counted[] {
    const begunAt = performance.now()
    if (this.#counted === undefined || begunAt >= this.#counted.againAt) {
      const delayed = this.#delayed.all(now) as Counted[]
      const tookMs = performance.now() - begunAt
      this.#counted = { delayed, againAt: begunAt + tookMs / countingShare }
    }
    return this.#counted.delayed
  }
}
