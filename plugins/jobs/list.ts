/** `GET /jobs`: the newest jobs first, filtered, page by page. */
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { Database } from 'better-sqlite3'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Job } from '../../core/jobs/job.ts'
import { soleOwner } from '../../core/jobs/owner.ts'
import { type JobRow, jobColumns, toJob } from '../../core/jobs/rows.ts'
import { parseModelName } from '../../core/target/model-name.ts'
import { Cursors } from './cursor.ts'
import { jobSchema } from './job-schema.ts'
import type { Parts } from './parts.ts'
import { type ListQuery, listQuerySchema } from './schemas.ts'

type ListRoute = { Querystring: ListQuery }

/** A condition on a row and the values of its holes. */
interface Condition {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

const pageSchema = Type.Object({
  data: Type.Array(jobSchema),
  has_more: Type.Boolean(),
  next_cursor: Type.Union([Type.String(), Type.Null()])
})

const defaultLimit = 20
/** Rows that are looked at in one go: a filter that fits few jobs must not hold everybody else up. */
const sliceRows = 20_000
const metadataPrefix = 'metadata.'

/** Adds the route. */
export function addListRoute(scope: FastifyInstance, { objects }: Parts): void {
  const cursors = new Cursors(scope.db)
  const schema = { querystring: listQuerySchema, response: { 200: pageSchema } }
  scope.get<ListRoute>('/jobs', { schema }, async ({ query }, reply) => {
    const { limit = defaultLimit, cursor } = query
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : cursors.read(cursor, soleOwner)
    const found = await findJobs(scope.db, conditionsOf(query), before, limit + 1)
    const page = found.slice(0, limit)
    const next = found.length > limit ? cursors.write(page.at(-1)!.seq, soleOwner) : null
    if (next !== null) linkNext(reply, query, next)
    return {
      data: page.map(job => objects.of(job, { result: false })),
      has_more: next !== null,
      next_cursor: next
    }
  })
}

/** `limit` jobs before `seq`, the newest first: slice by slice, since no index serves every filter. */
async function findJobs(
  db: Database,
  conditions: readonly Condition[],
  seq: number,
  limit: number
): Promise<Job[]> {
  const where = conditions.map(({ sql }) => `AND ${sql}`).join(' ')
  const values = conditions.flatMap(condition => condition.values)
  const select = db.prepare(
    `SELECT ${jobColumns} FROM job WHERE seq >= ? AND seq < ? ${where} ORDER BY seq DESC LIMIT ?`
  )
  const newest = (db.prepare('SELECT max(seq) FROM job').pluck().get() as number | null) ?? 0
  const found: Job[] = []
  for (let end = Math.min(seq, newest + 1); end > 0 && found.length < limit; end -= sliceRows) {
    const rows = select.all(Math.max(0, end - sliceRows), end, ...values, limit - found.length) as JobRow[]
    found.push(...rows.map(toJob))
    if (found.length < limit) await yieldToOthers()
  }
  return found
}

function conditionsOf(query: ListQuery): Condition[] {
  const { state, model, kind, priority, created_after, created_before } = query
  const all = [
    { sql: 'owner = ?', values: [soleOwner] },
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

/** RFC 8288. */
function linkNext(reply: FastifyReply, query: ListQuery, cursor: string): void {
  const entries = Object.entries({ ...query, cursor }).map(([name, value]): [string, string] => [
    name,
    String(value)
  ])
  reply.header('link', `</jobs?${new URLSearchParams(entries)}>; rel="next"`)
}
