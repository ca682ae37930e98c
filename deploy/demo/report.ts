/** What a run came to: figures from foreman's store, held against plain arrival order and what the target counted. */
import type { Database } from 'better-sqlite3'
import { type Priority, priorities } from '../../core/jobs/priority.ts'
import { SwapLedger } from '../../core/queue/swap-ledger.ts'

/** The jobs of one class. Waits in ms, from arrival to the start of the run; the load before it counts as waiting. */
export interface ClassFigures {
  readonly priority: Priority
  readonly jobs: number
  /** Did not end as `done`. */
  readonly failed: number
  readonly waitP50Ms: number
  readonly waitP95Ms: number
}

/** Loads, and what they took together in ms: unload and load. */
export interface LoadFigures {
  readonly loads: number
  readonly ms: number
}

/** The whole run. */
export interface Figures {
  readonly classes: readonly ClassFigures[]
  /** What happened. */
  readonly happened: LoadFigures
  /** What the same jobs would have cost, run in the order they came in. */
  readonly arrivalOrder: LoadFigures
}

/** What the demo's server counted by itself. */
export interface TargetCount {
  readonly loads: number
  readonly maxConcurrent: number
}

/** Reads the figures of every job in the store. */
export function readFigures(db: Database): Figures {
  const ledger = new SwapLedger(db)
  while (ledger.advance());
  const { loads, loadMs, arrivalLoads, arrivalLoadMs } = ledger.inAll()
  return {
    classes: priorities.map(priority => readClass(db, priority)),
    happened: { loads, ms: loadMs },
    arrivalOrder: { loads: arrivalLoads, ms: arrivalLoadMs }
  }
}

function readClass(db: Database, priority: Priority): ClassFigures {
  const rows = db
    .prepare(
      `SELECT state, started_at - created_at AS waitMs FROM job WHERE priority = ? ORDER BY waitMs NULLS LAST`
    )
    .all(priority) as { state: string; waitMs: number | null }[]
  const waits = rows.map(row => row.waitMs).filter(wait => wait !== null)
  return {
    priority,
    jobs: rows.length,
    failed: rows.filter(row => row.state !== 'done').length,
    waitP50Ms: percentile(waits, 0.5),
    waitP95Ms: percentile(waits, 0.95)
  }
}

/** The nearest-rank percentile of sorted values; 0 of none. */
function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0
}

/** What is wrong with a run; nothing where all went well. */
export function faultsOf({ classes, happened }: Figures, target: TargetCount): string[] {
  const faults = classes
    .filter(({ failed }) => failed > 0)
    .map(({ priority, failed }) => `${failed} ${priority} jobs did not end as done`)
  if (target.maxConcurrent !== 1) faults.push(`${target.maxConcurrent} generations ran at once`)
  if (target.loads !== happened.loads) {
    faults.push(`foreman counted ${happened.loads} loads, the server ${target.loads}`)
  }
  return faults
}

/** The tables a person reads at the end. */
export function tables({ classes, happened, arrivalOrder }: Figures, target: TargetCount): string {
  const rows = classes.map(({ priority, jobs, failed, waitP50Ms, waitP95Ms }) => [
    ...[priority, String(jobs), String(failed)],
    ...[seconds(waitP50Ms), seconds(waitP95Ms)]
  ])
  return [
    table(['class', 'jobs', 'failed', 'wait p50', 'wait p95'], rows),
    table(
      ['', 'foreman', 'in arrival order'],
      [
        ['loads', String(happened.loads), String(arrivalOrder.loads)],
        ['spent loading', seconds(happened.ms), seconds(arrivalOrder.ms)]
      ]
    ),
    'In arrival order: what the same jobs, run as they came in, would have cost at the load times measured here.',
    `The server itself counted ${target.loads} loads, and ${target.maxConcurrent} generation at a time at most.`
  ].join('\n\n')
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

/** Columns as wide as their longest cell, the first to the left, the others to the right. */
function table(head: readonly string[], rows: readonly string[][]): string {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map(row => row[column]!.length)))
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0]! + 2) : cell.padStart(widths[column]! + 2)
  return all.map(row => `  ${row.map(pad).join('')}`).join('\n')
}
