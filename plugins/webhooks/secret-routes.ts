/** `/webhook-secret`: what the jobs of an owner are signed with; and `GET /webhook-keys`, for everybody. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import { emptyBody } from '../../core/empty-body.ts'
import { storing } from '../../core/jobs/lookup.ts'
import { timeOf } from './endpoint-object.ts'
import { overlapMs, type RotateBody, rotateSchema } from './endpoint-schemas.ts'
import type { Engine } from './engine.ts'
import { SecretLostError } from './errors.ts'
import type { ShownSecret } from './owner-secrets.ts'
import * as api from './secret-api.ts'
import { publicJwks } from './signing/public-keys.ts'
import { secretText } from './signing/secret-text.ts'

const secretSchema = Type.Object({
  secret: Type.String({ description: '`whsec_` and base64.' }),
  previous_until: Type.Union([
    Type.String({
      format: 'date-time',
      description: 'Jobs are signed with the one before as well until then.'
    }),
    Type.Null()
  ])
})

const keysSchema = Type.Object(
  {
    keys: Type.Array(
      Type.Object({
        kty: Type.String(),
        crv: Type.String(),
        x: Type.String(),
        kid: Type.String({ description: 'The same for the same key.' }),
        use: Type.String(),
        alg: Type.String(),
        public_key: Type.String({ description: 'The same key as Standard Webhooks has it: `whpk_`.' })
      })
    )
  },
  { title: 'JwkSet', description: 'RFC 7517.' }
)

/** Adds the route that can read a body of JSON. */
export function addSecretOrders(scope: FastifyInstance, { ownerSecrets }: Engine): void {
  scope.post<{ Body: RotateBody }>(
    '/webhook-secret/rotate',
    {
      schema: { body: rotateSchema, response: { 200: secretSchema } },
      preValidation: emptyBody,
      config: { access: 'webhooks', audit: 'webhook_secret.rotate', api: api.rotate }
    },
    async ({ caller: { owner }, body }, reply) => {
      const now = Date.now()
      storing(() => ownerSecrets.rotate(owner, overlapMs(body), now))
      return answer(reply, ownerSecrets.shown(owner, now)!)
    }
  )
}

/** Adds the routes that read no body. */
export function addSecretLooks(scope: FastifyInstance, { ownerSecrets, ed25519 }: Engine): void {
  scope.get(
    '/webhook-secret',
    { schema: { response: { 200: secretSchema } }, config: { access: 'webhooks', api: api.fetch } },
    async ({ caller: { owner } }, reply) => {
      const shown = storing(() => ownerSecrets.shown(owner, Date.now()))
      if (shown === undefined) throw new SecretLostError('make another with POST /webhook-secret/rotate')
      return answer(reply, shown)
    }
  )
  const keys = publicJwks(ed25519)
  scope.get(
    '/webhook-keys',
    { schema: { response: { 200: keysSchema } }, config: { access: 'open', api: api.keys } },
    async () => keys
  )
}

function answer(reply: FastifyReply, { secret, previousUntil }: ShownSecret): Static<typeof secretSchema> {
  reply.header('cache-control', 'no-store')
  return { secret: secretText(secret), previous_until: timeOf(previousUntil) }
}
