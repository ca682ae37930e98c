/** What the routes of deliveries take and give. */
import { type Static, Type } from 'typebox'

/** States as they are shown. */
const states = [
  'pending',
  'in_flight',
  'retrying',
  'delivered',
  'exhausted',
  'superseded',
  'held',
  'refused'
] as const

/** Deliveries of a page, unless it is said. */
export const defaultLimit = 20

/** The query of `GET /webhook-deliveries`. */
export const querySchema = Type.Object(
  {
    endpoint_id: Type.Optional(Type.String({ maxLength: 64, description: 'Only those of an endpoint.' })),
    job_id: Type.Optional(Type.String({ maxLength: 64, description: 'Only those about a job.' })),
    state: Type.Optional(Type.Enum([...states], { description: 'Only those in this state.' })),
    cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'Defaults to 20.' }))
  },
  { additionalProperties: false }
)

/** What {@link querySchema} describes. */
export type DeliveryQuery = Static<typeof querySchema>

const maybe = (description: string) => Type.Union([Type.String({ description }), Type.Null()])
const maybeTime = (description: string) =>
  Type.Union([Type.String({ format: 'date-time', description }), Type.Null()])

const listed = Type.Object(
  {
    id: Type.String(),
    endpoint_id: maybe('Null for the URL that a job named.'),
    job_id: maybe('The job that it tells of; null where it tells of none.'),
    event_id: Type.String({ description: '`webhook-id` of every attempt.' }),
    event_type: Type.String(),
    url: Type.String({ description: 'Without its query to others than its owner: that may be a secret.' }),
    state: Type.String({ description: `${states.map(name => `\`${name}\``).join(', ')}. More may come.` }),
    reason: maybe('Why it is over, where its state alone does not tell: `attempts_used`, `gone`, …'),
    attempt_count: Type.Integer({ description: 'Attempts so far.' }),
    next_attempt_at: maybeTime(
      'Null where none is to come, one is under way, or an earlier event comes first.'
    ),
    event_at: Type.String({ format: 'date-time', description: 'When what it tells happened.' }),
    created_at: Type.String({ format: 'date-time' }),
    settled_at: maybeTime('When it was over.')
  },
  { title: 'WebhookDelivery' }
)

const attempt = Type.Object({
  n: Type.Integer({ description: 'From 1, over all time.' }),
  at: Type.String({ format: 'date-time' }),
  outcome: Type.String({
    description:
      '`2xx`, `3xx`, `4xx`, `410`, `429`, `5xx`, `timeout`, `dns`, `connect`, `tls` or `ssrf_blocked`.'
  }),
  status: Type.Union([Type.Integer({ description: 'Of the answer.' }), Type.Null()]),
  duration_s: Type.Number(),
  address: maybe('What was connected to; for administrators alone.'),
  location: maybe('Where a redirect would have led, without its query. None is followed.'),
  error: maybe('What went wrong, in words.'),
  response: maybe('The first 4 KiB of the answer as text; null once what was sent is removed.')
})

/** One delivery. */
export const deliverySchema = Type.Object(
  { ...listed.properties, attempts: Type.Array(attempt) },
  { title: 'WebhookDeliveryWithAttempts' }
)

/** A page of them, without their attempts. */
export const pageSchema = Type.Object({
  data: Type.Array(listed),
  has_more: Type.Boolean(),
  next_cursor: Type.Union([Type.String(), Type.Null()])
})

/** A delivery in a list. */
export type ListedDelivery = Static<typeof listed>
/** What {@link deliverySchema} describes. */
export type WholeDelivery = Static<typeof deliverySchema>
