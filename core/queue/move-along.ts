/** When a name gets other weights, its waiting jobs move along to the runner that they need now. */
import type { Database } from 'better-sqlite3'
import type { QueueDepth } from '../jobs/depth.ts'
import type { Job } from '../jobs/job.ts'
import { type JobRow, jobColumns, toJob } from '../jobs/rows.ts'
import type { CatalogChange } from '../target/catalog.ts'
import { parseModelName } from '../target/model-name.ts'
import { runnerPrefix } from '../target/runner.ts'

/** The runner of jobs that came in before the target ever told what it has. */
export function provisionalRunner(model: string): string {
  return `name:${parseModelName(model)?.key ?? model}`
}

/**
 * Gives the waiting jobs of a changed name their new runner.
 * @param runnerNow what a job needs by the newest list; undefined where its model is gone
 * @returns how many jobs moved
 */
export function moveAlong(
  db: Database,
  depth: QueueDepth,
  change: CatalogChange,
  runnerNow: (job: Job) => string | undefined
): number {
  const key = parseModelName(change.name)?.key
  let moved = 0
  for (const job of firstsOf(change).flatMap(first => waitingUnder(db, first))) {
    if (parseModelName(job.model)?.key !== key) continue
    const runner = runnerNow(job)
    if (runner === undefined || runner === job.runner) continue
    db.prepare("UPDATE job SET runner = ? WHERE seq = ? AND state = 'queued'").run(runner, job.seq)
    depth.renamed(job.runner, runner, job.priority, 1)
    moved += 1
  }
  return moved
}

/**
 * What of a change concerns waiting jobs: of a model that is what it was those alone that came in before any list. There
 * may be a million others, and each would be looked at.
 */
export function forWaiting({ name, from, to }: CatalogChange): CatalogChange {
  // A model that could not be shown gets other weights with the same digest when it can.
  const isSame = from?.digest === to?.digest && from?.weights === to?.weights
  return { name, from: isSame ? undefined : from, to }
}

/** What the runners of its jobs begin with: one may have come in before any list, and have been at work at the first. */
function firstsOf({ name, from }: CatalogChange): string[] {
  const provisional = provisionalRunner(name)
  return from === undefined ? [provisional] : [provisional, runnerPrefix(from)]
}

// Two look-ups in the indexes of waiting jobs; `+` begins what follows the weights in a runner's key.
function waitingUnder(db: Database, first: string): Job[] {
  const range = { first, end: `${first}+\uffff` }
  const among =
    "runner >= @first AND runner < @end AND (runner = @first OR substr(runner, length(@first) + 1, 1) = '+')"
  const rows = db
    .prepare(
      `SELECT ${jobColumns} FROM job WHERE ready = 1 AND lane IN ('worker', 'embed', 'bypass') AND ${among}
       UNION ALL SELECT ${jobColumns} FROM job WHERE state = 'queued' AND ready = 0 AND ${among}`
    )
    .all(range) as JobRow[]
  return rows.map(toJob)
}
