/** Gives waiting jobs another runner of the same weights, without a look at what they send. */
import type { Database } from 'better-sqlite3'
import type { QueueDepth } from '../jobs/depth.ts'
import type { Job } from '../jobs/job.ts'
import { mayBeRaised } from '../target/raise-context.ts'
import type { AttachedCalls } from './answer.ts'

interface Parts {
  readonly db: Database
  readonly depth: QueueDepth
  readonly attached: AttachedCalls
}

/** The runner that jobs of this name and runner get; undefined where they stay. */
type NewRunner = (model: string, runner: string) => string | undefined

type Group = Pick<Job, 'model' | 'runner' | 'priority'>

// A call whose caller holds the connection may be one of a route that carries no options: it is asked one by one.
const durable = "lane = 'worker' AND attached = 0 AND kind IN ('generate', 'chat')"
const ready = 'ready = 1'
const delayed = "state = 'queued' AND ready = 0"
const groupColumns = 'model, runner, priority'

/**
 * Moves the waiting jobs of some weights that `newRunner` has another runner for.
 * @throws what SQLite throws, and moves none then
 */
export function moveWaiting(parts: Parts, weights: string, newRunner: NewRunner): void {
  const moves: (() => void)[] = []
  parts.db.transaction(() => {
    for (const group of groupsOf(parts.db, weights)) moves.push(moveGroup(parts, group, newRunner))
    for (const id of parts.attached.ids()) moves.push(moveCall(parts, id, weights, newRunner))
  })()
  for (const count of moves) count()
}

// `+` begins what follows the weights in a runner's key; `,` comes after it.
function groupsOf(db: Database, weights: string): Group[] {
  const among = '(runner = @weights OR (runner > @weights AND runner < @end))'
  const select = (which: string) =>
    `SELECT ${groupColumns} FROM job WHERE ${which} AND ${durable} AND ${among} GROUP BY ${groupColumns}`
  return db
    .prepare(`${select(ready)} UNION ${select(delayed)}`)
    .all({ weights, end: `${weights},` }) as Group[]
}

function moveGroup(
  { db, depth }: Parts,
  { model, runner, priority }: Group,
  newRunner: NewRunner
): () => void {
  const to = newRunner(model, runner)
  if (to === undefined) return () => {}
  const update = (which: string) =>
    db
      .prepare(
        `UPDATE job SET runner = ? WHERE ${which} AND ${durable} AND runner = ? AND priority = ? AND model = ?`
      )
      .run(to, runner, priority, model).changes
  const moved = update(ready) + update(delayed)
  return () => depth.renamed(runner, to, priority, moved)
}

function moveCall(
  { db, depth, attached }: Parts,
  id: string,
  weights: string,
  newRunner: NewRunner
): () => void {
  const still = () => {}
  if (!mayBeRaised(attached.get(id)!.inference)) return still
  const job = db
    .prepare(`SELECT seq, ${groupColumns} FROM job WHERE id = ? AND state = 'queued' AND lane = 'worker'`)
    .get(id) as (Group & Pick<Job, 'seq'>) | undefined
  if (job === undefined || (job.runner !== weights && !job.runner.startsWith(`${weights}+`))) return still
  const to = newRunner(job.model, job.runner)
  if (to === undefined) return still
  db.prepare('UPDATE job SET runner = ? WHERE seq = ?').run(to, job.seq)
  return () => depth.renamed(job.runner, to, job.priority, 1)
}
