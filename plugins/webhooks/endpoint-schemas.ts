/** What the routes of endpoints take and give: validation, types and documentation from one source. */
import { type Static, Type } from 'typebox'

/** Longest time that both secrets of a rotation sign. */
const longestOverlapS = 604_800
/** How long that is unless it is said. */
const defaultOverlapS = 86_400
/** Headers of an endpoint's own. */
const mostHeaders = 5
const longestHeaderValue = 1024

const url = Type.String({
  minLength: 1,
  maxLength: 2048,
  description: 'Where to send them: https, unless plugins.webhooks.allow lists its host.'
})
const patterns = (description: string) =>
  Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 20, description })
const payload = Type.Enum(['full', 'thin'], {
  description: 'thin: of a job its id, state, seq and urls alone. Defaults to full.'
})
const format = Type.Enum(['standard', 'cloudevents'], {
  description: 'cloudevents: CloudEvents 1.0 in structured mode. Defaults to standard.'
})
const signing = Type.Enum(['hmac', 'ed25519'], {
  description: 'ed25519: a second signature, by a key of GET /webhook-keys. Defaults to hmac.'
})
const headers = Type.Object(
  {},
  {
    additionalProperties: Type.String({ minLength: 1, maxLength: longestHeaderValue }),
    maxProperties: mostHeaders,
    writeOnly: true,
    description: 'Sent with each message: printable ASCII. Their values are never shown again.'
  }
)

const settable = {
  events: Type.Optional(
    patterns('Types of events and patterns: job.*, model.*, *. Defaults to every state of jobs.')
  ),
  payload: Type.Optional(payload),
  format: Type.Optional(format),
  signing: Type.Optional(signing),
  headers: Type.Optional(Type.Unsafe<Record<string, string>>(headers)),
  description: Type.Optional(Type.String({ maxLength: 200, description: 'For people.' }))
}

/** The body of `POST /webhook-endpoints`. */
export const createSchema = Type.Object(
  {
    url,
    ...settable,
    all_owners: Type.Optional(
      Type.Boolean({
        description:
          'Told of the jobs of every owner, for administrators alone: true for them unless it is said.'
      })
    )
  },
  { additionalProperties: false, title: 'NewWebhookEndpoint' }
)

/** The body of `PATCH /webhook-endpoints/{id}`. */
export const changeSchema = Type.Object(
  { url: Type.Optional(url), ...settable },
  { additionalProperties: false, title: 'WebhookEndpointChange' }
)

/** The body of rotations. */
export const rotateSchema = Type.Object(
  {
    overlap_s: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: longestOverlapS,
        description: 'For how long messages are signed with the old secret as well. Defaults to a day.'
      })
    )
  },
  { additionalProperties: false }
)

const time = (description: string) => Type.String({ format: 'date-time', maxLength: 64, description })

/** The body of `POST /webhook-endpoints/{id}/replay`. */
export const replaySchema = Type.Object(
  {
    since: Type.Optional(time('Of what happened from then on. Defaults to all that is kept.')),
    until: Type.Optional(time('Of what happened before. Defaults to now.')),
    state: Type.Optional(
      Type.Enum(['exhausted', 'all'], {
        description:
          'exhausted: what was given up, refused or held. all: whatever is over. Defaults to exhausted.'
      })
    ),
    types: Type.Optional(patterns('Types of events and patterns. Defaults to all.'))
  },
  { additionalProperties: false }
)

const maybeTime = (description: string) =>
  Type.Union([Type.String({ format: 'date-time', description }), Type.Null()])

/** An endpoint without its secret. Clients must ignore fields they do not know. */
export const endpointSchema = Type.Object(
  {
    id: Type.String(),
    owner: Type.String({ description: 'Whose it is.' }),
    url: Type.String({ description: 'Without its query to others than its owner: that may be a secret.' }),
    events: Type.Array(Type.String()),
    payload,
    format,
    signing,
    header_names: Type.Array(Type.String(), { description: 'Of its own headers.' }),
    description: Type.String(),
    all_owners: Type.Boolean({ description: 'Whether it is told of the jobs of every owner.' }),
    state: Type.Enum(['enabled', 'disabled']),
    disabled_at: maybeTime('Nothing was sent to it since.'),
    disabled_reason: Type.Union([
      Type.String({
        description:
          '`by_hand`, `gone` (it answered 410), `failing` (for days), `secret_lost`. More may come.'
      }),
      Type.Null()
    ]),
    created_at: Type.String({ format: 'date-time' }),
    previous_secret_until: maybeTime('Messages are signed with the secret before as well until then.'),
    health: Type.Object({
      failures: Type.Integer({ description: 'Attempts that failed, one after another, up to the last one.' }),
      failing_since: maybeTime('The first of those.')
    })
  },
  { title: 'WebhookEndpoint' }
)

/** The same with its secret, which is told this once. */
export const issuedSchema = Type.Object({
  ...endpointSchema.properties,
  secret: Type.String({ description: '`whsec_` and base64: told this once.' })
})

/** The same when it is enabled again. */
export const enabledSchema = Type.Object({
  ...endpointSchema.properties,
  held: Type.Integer({ description: 'Deliveries that were held, and can be replayed.' })
})

/** All endpoints that the caller may see. */
export const endpointListSchema = Type.Object({ data: Type.Array(endpointSchema) })

/** What a replay has begun. */
export const replayedSchema = Type.Object({
  count: Type.Integer({ description: 'Deliveries that are sent again.' })
})

/** What {@link createSchema} describes. */
export type CreateBody = Static<typeof createSchema>
/** What {@link changeSchema} describes. */
export type ChangeBody = Static<typeof changeSchema>
/** What {@link rotateSchema} describes. */
export type RotateBody = Static<typeof rotateSchema>
/** What {@link replaySchema} describes. */
export type ReplayBody = Static<typeof replaySchema>
/** What {@link endpointSchema} describes. */
export type EndpointObject = Static<typeof endpointSchema>

/** How long both secrets sign: whole milliseconds. */
export function overlapMs({ overlap_s = defaultOverlapS }: RotateBody): number {
  return Math.round(overlap_s * 1000)
}
