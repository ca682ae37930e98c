/** What the routes of jobs take and give: validation, types and documentation from one source. */
import { type Static, Type } from 'typebox'
import { priorities } from '../../core/jobs/priority.ts'
import { jobStates } from '../../core/jobs/states.ts'
import type { NativeRequest } from './body.ts'

const daySeconds = 86_400
/** Longest time of one attempt: a timer of Node waits no longer than 24 days. */
const longestRunS = 7 * daySeconds
const longestKeptS = 30 * daySeconds

/** What `POST /jobs` can ask for. `transcription` has a body of another kind. */
export const jobKinds = ['chat', 'generate', 'embed'] as const

const kind = Type.Enum([...jobKinds], {
  description: 'Told by messages, prompt or input of the request when left out.'
})
const priority = Type.Enum([...priorities], { description: 'Class of the job. Defaults to normal.' })
const dateTime = (description: string) => Type.String({ format: 'date-time', maxLength: 64, description })

const metadata = Type.Object(
  {},
  {
    patternProperties: { '^[^]{1,64}$': Type.String({ maxLength: 512 }) },
    additionalProperties: false,
    maxProperties: 16,
    description: 'Words of your own, handed back with the job: names up to 64 characters, values up to 512.'
  }
)

const webhookUrl = (description: string) => Type.String({ minLength: 1, maxLength: 2048, description })

const webhook = Type.Object(
  {
    url: webhookUrl('Where to send them: https, unless plugins.webhooks.allow lists its host.'),
    events: Type.Optional(
      Type.Array(Type.String({ maxLength: 64 }), {
        minItems: 1,
        maxItems: 20,
        description: 'Types of events and patterns such as job.*. Defaults to every state.'
      })
    ),
    secret: Type.Optional(
      Type.String({
        maxLength: 128,
        writeOnly: true,
        description: 'whsec_ and 24 to 64 bytes in base64. Defaults to that of GET /webhook-secret.'
      })
    )
  },
  {
    additionalProperties: false,
    description: 'Where the events of this job are sent, beside the standing endpoints.'
  }
)

/** The body of `POST /jobs`. In the short form the members of `request` stand beside the others. */
export const createSchema = Type.Object(
  {
    kind: Type.Optional(kind),
    request: Type.Unsafe<NativeRequest>(
      Type.Object(
        {},
        { additionalProperties: true, description: "The body of Ollama's own route of that kind." }
      )
    ),
    priority: Type.Optional(priority),
    max_attempts: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, description: 'Defaults to retry.max_attempts.' })
    ),
    start_timeout_s: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: longestKeptS,
        description: 'Ends as expired when no attempt has begun by then. None when left out.'
      })
    ),
    run_timeout_s: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: longestRunS,
        description: 'Longest run of one attempt. Defaults to limits.run_timeout_s.'
      })
    ),
    not_before: Type.Optional(dateTime('Not started before; at most 7 days ahead.')),
    retention_s: Type.Optional(
      Type.Integer({
        minimum: 60,
        maximum: longestKeptS,
        description: 'Kept so long after the end. Defaults to retention.job_s.'
      })
    ),
    metadata: Type.Optional(Type.Unsafe<Record<string, string>>(metadata)),
    webhook: Type.Optional(webhook),
    state_webhook_url: Type.Optional(webhookUrl('In short for webhook.url.'))
  },
  { additionalProperties: false, title: 'NewJob' }
)

const { request: _request, ...ownProperties } = createSchema.properties

/** The short form, for documentation: it is cut in two before it is held against {@link createSchema}. */
export const shortFormSchema = Type.Object(
  { ...ownProperties, model: Type.String() },
  {
    title: 'NewJobInShort',
    additionalProperties: true,
    description: "The body of Ollama's own route, with foreman's fields beside its own."
  }
)

/** What {@link createSchema} describes. */
export type CreateBody = Static<typeof createSchema>

/** A line of `POST /jobs` as lines: the same, and its key. */
export const lineSchema = Type.Object(
  {
    ...createSchema.properties,
    idempotency_key: Type.Optional(
      Type.String({
        pattern: '^[\\x20-\\x7e]{1,255}$',
        description: 'In place of the header Idempotency-Key.'
      })
    )
  },
  { additionalProperties: false }
)

/** Names of the fields that are foreman's own; in the short form everything else belongs to the request. */
export const ownFields: ReadonlySet<string> = new Set(Object.keys(lineSchema.properties))

const stateList = `(${jobStates.join('|')})`

/** The query of `GET /jobs`. */
export const listQuerySchema = Type.Object(
  {
    state: Type.Optional(
      Type.String({
        pattern: `^${stateList}(,${stateList})*$`,
        maxLength: 100,
        description: 'One state, or several with commas between.'
      })
    ),
    model: Type.Optional(Type.String({ maxLength: 512, description: 'A name in any spelling.' })),
    kind: Type.Optional(Type.Enum([...jobKinds, 'transcription'])),
    priority: Type.Optional(priority),
    created_after: Type.Optional(dateTime('Only jobs that came in after this time.')),
    created_before: Type.Optional(dateTime('Only jobs that came in before this time.')),
    cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before.' })),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description:
          'Jobs of a page: 100 at most, 20 when left out. As lines: of all, without a limit when left out.'
      })
    )
  },
  {
    patternProperties: { '^metadata\\.[^]{1,64}$': Type.String({ maxLength: 512 }) },
    additionalProperties: false
  }
)

/** What {@link listQuerySchema} describes; the `metadata.…` filters are read by their names. */
export type ListQuery = Static<typeof listQuerySchema>

/** The query of `GET /jobs/{id}`. */
export const fetchQuerySchema = Type.Object(
  {
    include: Type.Optional(Type.Enum(['request'], { description: 'Adds the body that was handed in.' }))
  },
  { additionalProperties: false }
)

/** What {@link fetchQuerySchema} describes. */
export type FetchQuery = Static<typeof fetchQuerySchema>
