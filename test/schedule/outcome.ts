/** What a policy made of a workload: the figures of one row of the table. */
import { type Priority, priorities } from '../../core/jobs/priority.ts'
import type { Simulation } from './simulation.ts'
import { play, toMs, type Workload } from './workloads.ts'

/** Times in ms. */
export interface Outcome {
  /** When the last job ended. */
  readonly totalMs: number
  readonly loads: number
  readonly loadingMs: number
  /** From arrival to the start of the work, of every job that was started. */
  readonly waitsMs: Readonly<Record<Priority, readonly number[]>>
}

/** Collects while a workload is run. */
export class Tally {
  readonly waitsMs: Record<Priority, number[]> = { interactive: [], normal: [], batch: [] }
  loads = 0
  loadingMs = 0

  /** The figures as they are now, waits in ascending order. */
  outcome(totalMs: number): Outcome {
    for (const priority of priorities) this.waitsMs[priority].sort((a, b) => a - b)
    const { loads, loadingMs, waitsMs } = this
    return { totalMs, loads, loadingMs, waitsMs }
  }
}

/** Runs a workload through foreman's own schedule. `simulation` must have the workload's load times. */
export async function runSchedule(workload: Workload, simulation: Simulation): Promise<Outcome> {
  play(workload, simulation)
  const until = toMs(workload.until ?? Number.POSITIVE_INFINITY)
  await simulation.run(() => simulation.agenda.now >= until)
  const tally = new Tally()
  for (const { call, arrivedAt, startedAt } of simulation.records) {
    if (startedAt !== undefined) tally.waitsMs[call.priority].push(startedAt - arrivedAt)
  }
  tally.loads = simulation.loads.length
  tally.loadingMs = simulation.loads.reduce((sum, load) => sum + load.ms, 0)
  return tally.outcome(simulation.agenda.now)
}

/** The value below which `part` of the ascending `values` lie: the middle for 0.5, the greatest for 1. */
export function quantile(values: readonly number[], part: number): number {
  const value = values[Math.min(values.length - 1, Math.floor(part * values.length))]
  if (value === undefined) throw new RangeError('quantile of nothing')
  return value
}
