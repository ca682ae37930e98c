/** `GET /jobs`: the newest jobs first, filtered: page by page, or all of them as lines with their results. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { Cursors } from '../../core/cursor.ts'
import type { Job } from '../../core/jobs/job.ts'
import { linkNext } from '../../core/next-link.ts'
import { prefersLines } from './accept.ts'
import * as api from './api.ts'
import { faultAt } from './errors.ts'
import { findJobs } from './find-jobs.ts'
import type { JobObjects } from './job-object.ts'
import { jobSchema } from './job-schema.ts'
import type { LineStreams } from './line-streams.ts'
import type { Parts } from './parts.ts'
import { type ListQuery, listQuerySchema } from './schemas.ts'

type ListRoute = { Querystring: ListQuery }

const pageSchema = Type.Object({
  data: Type.Array(jobSchema),
  has_more: Type.Boolean(),
  next_cursor: Type.Union([Type.String(), Type.Null()])
})

const defaultLimit = 20
const largestPage = 100
/** Jobs that become lines in one go: their results may have 256 KiB each. */
const linesAtATime = 20
/** Lines that wait for the client. */
const aheadBytes = 64 * 1024

/** Adds the route. */
export function addListRoute(scope: FastifyInstance, { objects }: Parts, streams: LineStreams): void {
  const { db } = scope
  const cursors = new Cursors(scope.secrets)
  const schema = { querystring: listQuerySchema, response: { 200: pageSchema } }
  scope.get<ListRoute>(
    '/jobs',
    { schema, config: { access: 'jobs:read', api: api.list } },
    async ({ query, headers, caller }, reply) => {
      const { cursor } = query
      const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : cursors.read(cursor, caller.owner)
      reply.header('vary', 'accept')
      if (prefersLines(headers.accept)) {
        const found = findJobs(db, caller, query, before, linesAtATime)
        return streams.send(reply, linesOf(found, objects, query.limit), aheadBytes)
      }
      const limit = pageLimit(query)
      const page = await readPage(findJobs(db, caller, query, before, limit + 1), objects, limit)
      const next = page.lastSeq === undefined ? null : cursors.write(page.lastSeq, caller.owner)
      if (next !== null) linkNext(reply, '/jobs', query, next)
      return { data: page.data, has_more: next !== null, next_cursor: next }
    }
  )
}

/** @throws {ValidationFailedError} for a limit that lines alone can have */
function pageLimit({ limit = defaultLimit }: ListQuery): number {
  if (limit > largestPage) throw faultAt('', `querystring/limit must be <= ${largestPage} for a page`)
  return limit
}

/** `limit` jobs as objects, and the `seq` of the last where there are more. */
async function readPage(found: AsyncIterable<Job[]>, objects: JobObjects, limit: number) {
  const data: ReturnType<JobObjects['of']>[] = []
  let lastSeq: number | undefined
  for await (const jobs of found) {
    const some = jobs.slice(0, limit - data.length)
    data.push(...some.map(job => objects.of(job, { result: -1 })))
    if (some.length < jobs.length) return { data, lastSeq: some.at(-1)?.seq ?? lastSeq }
    lastSeq = some.at(-1)?.seq
  }
  return { data }
}

async function* linesOf(
  found: AsyncIterable<Job[]>,
  objects: JobObjects,
  limit = Number.POSITIVE_INFINITY
): AsyncGenerator<Buffer> {
  let left = limit
  for await (const jobs of found) {
    const some = jobs.slice(0, left)
    // Without estimates: to count before each of very many waiting jobs takes too long.
    yield Buffer.from(some.map(job => `${JSON.stringify(objects.of(job, { forecast: null }))}\n`).join(''))
    left -= some.length
    if (left === 0) return
  }
}
