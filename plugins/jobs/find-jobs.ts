/** Finds jobs by the filters of a list, the newest first. No index serves every filter, so rows are read in slices. */
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { Database } from 'better-sqlite3'
import { type Caller, ownerFilter } from '../../core/access/caller.ts'
import type { Job } from '../../core/jobs/job.ts'
import { type JobRow, jobColumns, toJob } from '../../core/jobs/rows.ts'
import { parseModelName } from '../../core/target/model-name.ts'
import type { ListQuery } from './schemas.ts'

/** A condition on a row and the values of its holes. */
interface Condition {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

/** Rows that are looked at in one go: a filter that fits few jobs must not hold everybody else up. */
const sliceRows = 20_000
const metadataPrefix = 'metadata.'

/**
 * The jobs before the one with this `seq` that fit the query, up to `atATime` at a time: as they are in that moment,
 * so look at them before anything is awaited. What comes in meanwhile is not among them.
 */
export async function* findJobs(
  db: Database,
  caller: Caller,
  query: ListQuery,
  seq: number,
  atATime: number
): AsyncGenerator<Job[]> {
  const conditions = conditionsOf(caller, query)
  const where = conditions.map(({ sql }) => `AND ${sql}`).join(' ')
  const values = conditions.flatMap(condition => condition.values)
  const select = db.prepare(
    `SELECT ${jobColumns} FROM job WHERE seq >= ? AND seq < ? ${where} ORDER BY seq DESC LIMIT ?`
  )
  const newest = (db.prepare('SELECT max(seq) FROM job').pluck().get() as number | null) ?? 0
  for (let end = Math.min(seq, newest + 1); end > 0; ) {
    const start = Math.max(0, end - sliceRows)
    const jobs = (select.all(start, end, ...values, atATime) as JobRow[]).map(toJob)
    if (jobs.length > 0) yield jobs
    end = jobs.length === atATime ? jobs.at(-1)!.seq : start
    await yieldToOthers()
  }
}

function conditionsOf(caller: Caller, query: ListQuery): Condition[] {
  const { state, model, kind, priority, created_after, created_before } = query
  const owner = ownerFilter(caller)
  const all = [
    owner !== undefined && { sql: 'owner = ?', values: [owner] },
    state !== undefined && among('state', state.split(',')),
    model !== undefined && among('model COLLATE NOCASE', spellingsOf(model)),
    kind !== undefined && { sql: 'kind = ?', values: [kind] },
    priority !== undefined && { sql: 'priority = ?', values: [priority] },
    created_after !== undefined && { sql: 'created_at > ?', values: [Date.parse(created_after)] },
    created_before !== undefined && { sql: 'created_at < ?', values: [Date.parse(created_before)] }
  ]
  return [...all.filter(condition => condition !== false), ...metadataConditions(query)]
}

function metadataConditions(query: ListQuery): Condition[] {
  return Object.entries(query)
    .filter(([name]) => name.startsWith(metadataPrefix))
    .map(([name, value]) => ({
      sql: 'EXISTS (SELECT 1 FROM job_metadata WHERE job_seq = job.seq AND key = ? AND value = ?)',
      values: [name.slice(metadataPrefix.length), String(value)]
    }))
}

function among(column: string, values: readonly string[]): Condition {
  return { sql: `${column} IN (${values.map(() => '?').join(', ')})`, values }
}

/** The ways in which most people write one name. */
function spellingsOf(model: string): string[] {
  const display = parseModelName(model)?.display
  return display === undefined ? [model] : [...new Set([model, display, display.replace(/:latest$/i, '')])]
}
