/** Takes waiting embeddings to the lane they belong to, when the embedder is another one or does not hold any more. */
import type { Database } from 'better-sqlite3'
import type { Job } from '../jobs/job.ts'
import { type JobRow, jobColumns, toJob } from '../jobs/rows.ts'

// Each half is answered from an index of its own.
const waiting = ['ready = 1', "state = 'queued' AND ready = 0"]
const toWorker = waiting.map(
  half => `UPDATE job SET lane = 'worker' WHERE ${half} AND lane IN ('embed', 'bypass') AND runner IS NOT ?`
)
const toEmbed = waiting.map(
  half => `UPDATE job SET lane = CASE attached WHEN 1 THEN 'bypass' ELSE 'embed' END
    WHERE ${half} AND lane = 'worker' AND kind = 'embed' AND runner = ?`
)

/**
 * Sorts the waiting jobs: embeddings with this runner are for the embed lane, all others for the worker.
 * @param runner undefined where there is none
 * @returns the attached ones that wait in the embed lane
 */
export function sortEmbeds(db: Database, runner: string | undefined): Job[] {
  const sort = db.transaction(() => {
    for (const sql of toWorker) db.prepare(sql).run(runner ?? null)
    if (runner !== undefined) for (const sql of toEmbed) db.prepare(sql).run(runner)
  })
  sort()
  const rows = db
    .prepare(
      `SELECT ${jobColumns} FROM job WHERE state = 'queued' AND attached = 1 AND lane = 'bypass' ORDER BY seq`
    )
    .all() as JobRow[]
  return rows.map(toJob)
}
