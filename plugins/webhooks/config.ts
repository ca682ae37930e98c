/** What the plugin can be told. */
import { type Static, Type } from 'typebox'

const dayS = 86_400

/** After attempt 1, 2, …: 11 attempts within 75.6 hours. */
const retrySchedule = [5, 30, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]

export const configSchema = Type.Object(
  {
    allow: Type.Array(Type.String({ minLength: 1, maxLength: 300 }), {
      default: [],
      description:
        'Receivers in private networks: addresses as CIDR, or exact hosts, each with a port. Plain http goes to these alone.'
    }),
    retry_schedule_s: Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 7 * dayS }), {
      default: retrySchedule,
      maxItems: 50,
      description:
        'Waits after the first, second, … failed attempt, each off by up to a fifth. Then it is given up.'
    }),
    timeout_s: Type.Number({
      default: 15,
      exclusiveMinimum: 0,
      maximum: 60,
      description: 'Longest time of one attempt, to the end of the answer.'
    }),
    connect_timeout_s: Type.Number({
      default: 5,
      exclusiveMinimum: 0,
      maximum: 60,
      description: 'Longest time until a receiver is connected to.'
    }),
    concurrency: Type.Integer({
      default: 32,
      minimum: 1,
      maximum: 1000,
      description: 'Attempts at a time, to all receivers.'
    }),
    concurrency_per_receiver: Type.Integer({
      default: 4,
      minimum: 1,
      maximum: 100,
      description: 'The same to one endpoint, or to one host that jobs name. To one that failed last: 1.'
    }),
    order_wait_s: Type.Number({
      default: 60,
      minimum: 0,
      maximum: dayS,
      description: 'How long an event that could not be delivered holds up the next one of its job.'
    }),
    circuit_failures: Type.Integer({
      default: 10,
      minimum: 1,
      maximum: 10_000,
      description: 'Failures in a row after which a receiver is only tried now and then.'
    }),
    circuit_probe_s: Type.Number({
      default: 60,
      exclusiveMinimum: 0,
      maximum: dayS,
      description: 'How often that is.'
    }),
    disable_after_s: Type.Number({
      default: 5 * dayS,
      minimum: 1,
      maximum: 365 * dayS,
      description: 'Time of nothing but failures after which an endpoint is disabled.'
    }),
    held_s: Type.Number({
      default: 7 * dayS,
      minimum: 1,
      maximum: 365 * dayS,
      description: 'How long the events of a disabled endpoint are held for a replay.'
    }),
    retention_s: Type.Number({
      default: 30 * dayS,
      minimum: 1,
      maximum: 365 * dayS,
      description: 'How long deliveries are listed after they are over.'
    }),
    max_endpoints: Type.Integer({
      default: 100,
      minimum: 1,
      maximum: 10_000,
      description: 'Standing endpoints of one owner.'
    }),
    public_url: Type.Optional(
      Type.String({
        format: 'uri',
        maxLength: 2048,
        description: 'Where users reach foreman: the source of CloudEvents. Defaults to urn:foreman.'
      })
    ),
    proxy_trusted: Type.Optional(
      Type.Boolean({
        description:
          'Where the environment names a proxy (HTTPS_PROXY): true sends by it, and leaves it to it to keep private addresses out. Else webhooks are sent past it; false keeps the start from saying so.'
      })
    )
  },
  { additionalProperties: false }
)

/** What {@link configSchema} describes. */
export type WebhooksConfig = Static<typeof configSchema>
