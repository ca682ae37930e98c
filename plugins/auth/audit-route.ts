/** `GET /audit`: who changed what and who was turned away, the newest first. */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { AuditRow } from '../../core/access/audit.ts'
import * as api from './api.ts'

const defaultLimit = 100

const querySchema = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Defaults to 100.' })),
    cursor: Type.Optional(Type.Integer({ minimum: 1, description: 'next_cursor of the page before.' }))
  },
  { additionalProperties: false }
)

const maybe = (description: string) => Type.Union([Type.String({ description }), Type.Null()])

const pageSchema = Type.Object({
  data: Type.Array(
    Type.Object({
      time: Type.String({ format: 'date-time' }),
      actor: maybe('Id of the token; null where nobody was known.'),
      address: maybe('Of the client.'),
      request_id: maybe('As in the log.'),
      action: Type.String(),
      object: maybe('Id of what it was done to.'),
      result: Type.String({ description: '`ok`, or the code of the error.' })
    })
  ),
  has_more: Type.Boolean(),
  next_cursor: Type.Union([Type.Integer(), Type.Null()])
})

/** Adds the route. */
export function addAuditRoute(scope: FastifyInstance): void {
  scope.get<{ Querystring: Static<typeof querySchema> }>(
    '/audit',
    {
      schema: { querystring: querySchema, response: { 200: pageSchema } },
      config: { access: 'admin', api: api.audit }
    },
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
