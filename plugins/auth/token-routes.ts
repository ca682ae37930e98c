/** `/tokens`: made, listed, rotated and revoked by administrators; and `GET /whoami`, for everybody who is let in. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import { scopes } from '../../core/access/scopes.ts'
import { emptyBody } from '../../core/empty-body.ts'
import { faultAt, NotFoundError } from '../../core/errors.ts'
import { storing } from '../../core/jobs/lookup.ts'
import * as api from './api.ts'
import { type Token, tokenName, tokenObject } from './token.ts'
import { limitsSchema } from './token-limits.ts'
import { issuedSchema, tokenListSchema, tokenSchema, whoamiSchema } from './token-schemas.ts'
import type { Issued, TokenStore } from './token-store.ts'

const secondMs = 1000
/** How long both tokens of a rotation are good, unless it is said. */
export const defaultOverlapS = 86_400
/** Longest such time. */
export const longestOverlapS = 604_800

const createSchema = Type.Object(
  {
    name: Type.String({ ...tokenName, description: 'For people.' }),
    scopes: Type.Array(Type.Enum([...scopes]), { minItems: 1, maxItems: scopes.length }),
    limits: Type.Optional(limitsSchema),
    expires_at: Type.Optional(Type.String({ maxLength: 40, description: 'RFC 3339; left out: never.' }))
  },
  { additionalProperties: false }
)

const rotateSchema = Type.Object(
  {
    overlap_s: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: longestOverlapS,
        description: 'For how long the old token stays good. Defaults to a day.'
      })
    )
  },
  { additionalProperties: false }
)

type CreateBody = Static<typeof createSchema>
type TokenPath = { Params: { id: string } }
type RotateRoute = TokenPath & { Body: Static<typeof rotateSchema> }

const config = { access: 'admin' } as const

/** Adds the routes. */
export function addTokenRoutes(scope: FastifyInstance, tokens: TokenStore): void {
  const find = (id: string): Token => {
    const token = tokens.find(id)
    if (token === undefined) throw new NotFoundError()
    return token
  }
  scope.post<{ Body: CreateBody }>(
    '/tokens',
    {
      schema: { body: createSchema, response: { 201: issuedSchema } },
      config: { ...config, audit: 'token.create', api: api.create }
    },
    async (request, reply) => {
      const issued = storing(() => tokens.create(draftOf(request.body)))
      request.auditObject = issued.token.id
      return answerIssued(reply, issued)
    }
  )
  scope.get(
    '/tokens',
    { schema: { response: { 200: tokenListSchema } }, config: { ...config, api: api.list } },
    async () => ({ data: tokens.list().map(tokenObject) })
  )
  const schema = { response: { 200: tokenSchema } }
  scope.get<TokenPath>('/tokens/:id', { schema, config: { ...config, api: api.fetch } }, async ({ params }) =>
    tokenObject(find(params.id))
  )
  scope.delete<TokenPath>(
    '/tokens/:id',
    { schema, config: { ...config, audit: 'token.revoke', api: api.revoke } },
    async ({ params }) => {
      const { id } = find(params.id)
      storing(() => tokens.revoke(id, Date.now()))
      return tokenObject(find(id))
    }
  )
  scope.post<RotateRoute>(
    '/tokens/:id/rotate',
    {
      schema: { body: rotateSchema, response: { 201: issuedSchema } },
      preValidation: emptyBody,
      config: { ...config, audit: 'token.rotate', api: api.rotate }
    },
    async ({ params, body }, reply) => {
      const overlapMs = (body.overlap_s ?? defaultOverlapS) * secondMs
      const { id } = find(params.id)
      return answerIssued(
        reply,
        storing(() => tokens.rotate(id, overlapMs, Date.now()))
      )
    }
  )
  const whoami = {
    schema: { response: { 200: whoamiSchema } },
    config: { access: 'known', api: api.whoami }
  } as const
  scope.get('/whoami', whoami, async ({ caller }) => {
    const token = caller.tokenId === undefined ? undefined : tokens.find(caller.tokenId)
    const known = token && tokenObject(token)
    return {
      id: known?.id ?? null,
      name: known?.name ?? null,
      owner: caller.owner,
      scopes: scopes.filter(one => caller.scopes.has(one)),
      limits: known?.limits ?? {},
      expires_at: known?.expires_at ?? null
    }
  })
}

function draftOf({ name, scopes: given, limits = {}, expires_at }: CreateBody) {
  const expiresAt = expires_at === undefined ? undefined : Date.parse(expires_at)
  if (expiresAt !== undefined && !(expiresAt > Date.now()))
    throw faultAt('/expires_at', 'must be a time to come')
  return { name, scopes: [...new Set(given)], limits, expiresAt }
}

/** The only answer with the token itself. */
function answerIssued(reply: FastifyReply, { token, text }: Issued) {
  reply.code(201).header('location', `/tokens/${token.id}`).header('cache-control', 'no-store')
  return { ...tokenObject(token), token: text }
}
