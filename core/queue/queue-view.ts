/**
 * The queue as it is at one moment, for all questions of that moment: what was foreseen for one job is drawn out to
 * those that follow it closely, so that a thousand jobs that come in together cost little more than one.
 */
import { rankOf } from '../jobs/priority.ts'
import type { Head } from '../jobs/waiting.ts'
import { foresee, type Line, type Outlook, type Scene } from './outlook.ts'

interface Place {
  /** Jobs of its runner before it. */
  readonly before: number
  /** Jobs that wait in all. */
  readonly total: number
}

/** What was foreseen may be drawn out to these more jobs and this part. */
const drawnOut = { jobs: 16, part: 0.25 }

/** Foresees starts in one scene. */
export class QueueView {
  readonly scene: Scene
  readonly #lines: { -readonly [K in keyof Line]: Line[K] }[]
  readonly #known = new Map<string, Place & { readonly outlook: Outlook }>()
  #total: number

  constructor(scene: Scene) {
    this.#lines = scene.lines.map(line => ({ ...line }))
    this.scene = { ...scene, lines: this.#lines }
    this.#total = this.#lines.reduce((sum, { jobs }) => sum + jobs, 0)
  }

  /** The same queue, for jobs that are not in it yet to {@link join}. */
  copy(): QueueView {
    return new QueueView(this.scene)
  }

  /** A job that comes in before the next one is asked about. */
  join({ runner, priority, dueAt }: Head): void {
    const line = this.#lines.find(one => one.runner === runner && one.priority === priority)
    if (line === undefined) this.#lines.push({ runner, priority, dueAt, jobs: 1 })
    else line.jobs += 1
    this.#total += 1
  }

  /**
   * Waiting jobs of its runner that are due before one that comes in now: all of its class and of those above it. Of a
   * class with more patience only those that have waited for long, as if they were spread evenly up to the last of
   * them, which `lastDueAt` tells.
   */
  ahead({ runner, priority, dueAt }: Head, lastDueAt: (line: Line) => number): number {
    const partOf = (line: Line) => {
      if (rankOf(line.priority) >= rankOf(priority)) return 1
      if (line.dueAt >= dueAt) return 0
      return Math.min(1, (dueAt - line.dueAt) / Math.max(1, lastDueAt(line) - line.dueAt))
    }
    const lines = this.#lines.filter(line => line.runner === runner)
    return lines.reduce((sum, line) => sum + Math.ceil(partOf(line) * line.jobs), 0)
  }

  /** What is foreseen for a job with `before` jobs of its runner before it. */
  exactly(job: Head, before: number): Outlook {
    return foresee(this.scene, job, before)
  }

  /** The same, drawn out of what was foreseen for the job before it where that is near. */
  nearly(job: Head, before: number): Outlook {
    const key = `${job.priority} ${job.runner}`
    const near = this.#known.get(key)
    const place = { before, total: this.#total }
    if (near !== undefined && isNear(near, place)) return this.#drawOut(near, before, job)
    const outlook = this.exactly(job, before)
    this.#known.set(key, { ...place, outlook })
    return outlook
  }

  // Behind the one before it each waits for one run more.
  #drawOut(near: Place & { readonly outlook: Outlook }, before: number, { runner }: Head): Outlook {
    const more = before - near.before
    const { position, waitMs, deviationMs } = near.outlook
    const run = this.scene.runTime(runner)
    return {
      position: position + more,
      waitMs: waitMs + more * run.meanMs,
      deviationMs: Math.hypot(deviationMs, Math.sqrt(more) * run.deviationMs)
    }
  }
}

function isNear(near: Place, { before, total }: Place): boolean {
  const { jobs, part } = drawnOut
  const more = before - near.before
  return more >= 0 && more <= jobs + part * near.before && total <= near.total + jobs + part * near.total
}
