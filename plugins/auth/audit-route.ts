/** `GET /audit`: who changed what and who was turned away, the newest first. */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { AuditRow } from '../../core/access/audit.ts'

const defaultLimit = 100

const querySchema = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Defaults to 100.' })),
    cursor: Type.Optional(Type.Integer({ minimum: 1, description: 'next_cursor of the page before.' }))
  },
  { additionalProperties: false }
)

/** Adds the route. */
export function addAuditRoute(scope: FastifyInstance): void {
  scope.get<{ Querystring: Static<typeof querySchema> }>(
    '/audit',
    { schema: { querystring: querySchema }, config: { access: 'admin' } },
    async ({ query: { limit = defaultLimit, cursor = Number.MAX_SAFE_INTEGER } }) => {
      const rows = scope.audit.before(cursor, limit + 1)
      const page = rows.slice(0, limit)
      const hasMore = rows.length > limit
      return {
        data: page.map(entryObject),
        has_more: hasMore,
        next_cursor: hasMore ? page.at(-1)!.seq : null
      }
    }
  )
}

function entryObject({ at, actor, address, requestId, action, object, result }: AuditRow) {
  const time = new Date(at).toISOString()
  return { time, actor, address, request_id: requestId, action, object, result }
}
