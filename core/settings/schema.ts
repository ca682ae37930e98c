/**
 * The schema of foreman.yaml: the one source of its keys, types, defaults and ranges.
 *
 * docs/configuration.md and deploy/foreman.example.yaml are held against it by tests.
 */
import { type Static, Type } from 'typebox'
import { parseGoDuration } from '../target/go-duration.ts'
import { parseTargetUrl } from './target-url.ts'

/** Longest time a timer of Node can wait, in whole seconds: about 24 days. */
const MAX_TIMER_S = 2_147_483

const seconds = (
  value: number,
  description: string,
  range: { maximum?: number } = { maximum: MAX_TIMER_S }
) => Type.Number({ default: value, exclusiveMinimum: 0, ...range, description })

const patience = (value: number, who: string) =>
  Type.Number({ default: value, minimum: 0, description: `Seconds after which ${who} job is due.` })

const share = (value: number, who: string) =>
  Type.Number({
    default: value,
    exclusiveMinimum: 0,
    exclusiveMaximum: 1,
    description: `Share of the time that loading may take when ${who} job of another model is due.`
  })

const count = (value: number, description: string) =>
  Type.Integer({ default: value, minimum: 1, description })

const text = (description: string) => Type.Optional(Type.String({ minLength: 1, description }))

type Group = Parameters<typeof Type.Object>[0]

const group = <P extends Group>(keys: P) => Type.Object(keys, { default: {}, additionalProperties: false })

const targetUrl = Type.Refine(
  Type.String({
    default: 'http://127.0.0.1:11434',
    description: 'Where the Ollama server answers.',
    expected: 'an http or https address without user, password, query and fragment'
  }),
  url => parseTargetUrl(url) !== undefined
)

const target = group({
  url: targetUrl,
  token: Type.Optional(
    Type.String({
      minLength: 1,
      writeOnly: true,
      description: 'Bearer token sent to the target with each request.'
    })
  ),
  token_file: text('File with such a token; an empty one counts as none.'),
  tls: group({
    ca_file: text("PEM file with the certificates that may sign the target's."),
    cert_file: text('PEM file with the certificate foreman shows to the target.'),
    key_file: text('PEM file with the key of cert_file.'),
    server_name: text(
      "Name to ask for and to check in the target's certificate; unset: the host of the URL."
    ),
    reject_unauthorized: Type.Boolean({
      default: true,
      description: 'Refuse a certificate that does not verify.'
    })
  }),
  connect_timeout_s: seconds(5, 'Longest wait for a connection to the target.')
})

const queue = group({
  patience_s: group({
    interactive: patience(15, 'an interactive'),
    normal: patience(600, 'a normal'),
    batch: patience(21_600, 'a batch')
  }),
  load_share: group({
    interactive: share(0.2, 'an interactive'),
    normal: share(0.1, 'a normal'),
    batch: share(0.1, 'a batch')
  }),
  linger: Type.Number({
    default: 0.1,
    minimum: 0,
    maximum: 1,
    description: 'Longest idle wait before a swap, as a part of the load time of the next model.'
  }),
  worker_slots: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 16,
    description: 'Models kept loaded side by side, the embedding model not counted; one runs at a time.'
  }),
  max_queued: count(100_000, 'Jobs that may wait; one more is refused with queue_full.'),
  max_bytes: count(
    10_737_418_240,
    "Bytes of foreman's data on the disk; jobs are refused with queue_full above."
  ),
  min_free_bytes: Type.Integer({
    default: 1_073_741_824,
    minimum: 0,
    description: 'Bytes free on the disk (or 5 % of it, if less); jobs are refused with storage_low below.'
  })
})

const limits = group({
  attached_start_timeout_s: seconds(600, 'Longest wait of a call that holds its connection until it starts.'),
  run_timeout_s: seconds(1800, 'Longest run of one attempt.'),
  stall_timeout_s: seconds(300, 'Longest silence of the target after the first byte.'),
  first_token_timeout_s: seconds(900, 'Longest wait for the first byte, and for a load.'),
  unload_timeout_s: seconds(30, 'Longest wait for a model to leave the memory of the target.'),
  head_timeout_s: seconds(30, 'Longest time until the head of a request is there.'),
  head_bytes: Type.Integer({
    default: 16_384,
    minimum: 1024,
    maximum: 1_048_576,
    description: 'Largest head of a request.'
  }),
  body_bytes: count(67_108_864, 'Largest request body on inference routes.'),
  json_depth: Type.Integer({
    default: 64,
    minimum: 4,
    maximum: 10_000,
    description: "Deepest nesting of JSON that is foreman's own to read."
  }),
  body_min_bytes_per_s: Type.Integer({
    default: 500,
    minimum: 0,
    description: 'Slowest average rate at which a body may come in; 0 for none.'
  }),
  body_grace_s: seconds(20, 'Time over which that average is taken.'),
  max_streams_per_token: count(50, 'Streams of events that one token may have open; none for admin.'),
  max_streams: count(5000, 'Streams of events that may be open in all.'),
  shutdown_s: Type.Number({
    default: 8,
    minimum: 0,
    maximum: MAX_TIMER_S,
    description: 'Time the running job has to finish at a stop, before it is queued again.'
  })
})

const retry = group({
  max_attempts: count(5, 'Attempts of a job that does not say itself.'),
  backoff_s: Type.Number({ default: 5, minimum: 0, description: 'Pause after the first failed attempt.' }),
  backoff_factor: Type.Number({
    default: 2,
    minimum: 1,
    description: 'Each further pause is longer by this factor.'
  }),
  backoff_jitter: Type.Number({
    default: 0.2,
    minimum: 0,
    maximum: 1,
    description: 'Random part of a pause, ±.'
  }),
  backoff_cap_s: Type.Number({ default: 300, minimum: 0, description: 'Longest pause.' })
})

const retention = group({
  job_s: seconds(86_400, 'Time a job is kept after its end.', {}),
  upload_s: seconds(86_400, 'Time an upload is kept that no job uses.', {}),
  tombstone_s: seconds(2_592_000, 'Time after that in which its id is answered with 410, then with 404.', {}),
  history_s: seconds(
    86_400,
    'Time the record of runs, loads and pauses is kept, by which waits are explained.',
    {}
  ),
  sweep_interval_s: seconds(60, 'Pause between two clearings.')
})

const artifacts = group({
  max_bytes_each: count(104_857_600, 'Largest upload.'),
  max_bytes_total: count(10_737_418_240, 'What the uploads of one owner may take.'),
  max_request_bytes: count(268_435_456, 'Largest request of a job with its uploads filled in.')
})

const idleUnload = Type.Refine(
  Type.Union([Type.String(), Type.Number()], {
    default: '30m',
    description: 'How long the target keeps an idle model; -1 for ever.',
    expected: 'a duration such as "30m", a number of seconds, or -1'
  }),
  value => typeof value === 'number' || parseGoDuration(value) !== undefined
)

const keepAlive = group({
  idle_unload: idleUnload,
  respect_clients: Type.Boolean({
    default: false,
    description: "Leave a client's own keep_alive as it was sent."
  })
})

const poll = group({
  ps_s: seconds(5, 'Pause between two looks at what is loaded.', { maximum: 5 }),
  tags_s: seconds(30, 'Pause between two looks at what is installed.'),
  probe_max_s: seconds(30, 'Longest pause between two tries to reach a target that is away.')
})

const plugins = Type.Record(
  Type.String(),
  Type.Union([Type.Boolean(), Type.Record(Type.String(), Type.Unknown())], {
    expected: 'false, true or a map of options'
  }),
  { default: {}, description: 'Plugins by name, path or package: options, true for none, false for off.' }
)

const embed = group({
  model: text('The embedding model kept loaded beside the others; unset: the only one installed.'),
  concurrency: count(4, 'Embedding calls on the target at a time.')
})

/** The whole of foreman.yaml. Every key may be left out. */
export const settingsSchema = group({
  target,
  host: Type.String({ default: '127.0.0.1', minLength: 1, description: 'Address foreman listens on.' }),
  port: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description: 'Port; 0 takes a free one.'
  }),
  trust_proxy: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description: 'Addresses (CIDR) of reverse proxies whose X-Forwarded-For tells who calls.'
  }),
  cors: group({
    origins: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'Origins whose web pages may call foreman, such as "https://app.example"; "*" for any.'
    })
  }),
  open_to_everyone: Type.Boolean({
    default: false,
    description:
      'Listen beyond this machine although the plugin auth is off: whoever connects may do everything.'
  }),
  data_dir: Type.String({
    default: './data',
    minLength: 1,
    description: 'Folder for the queue and what it keeps.'
  }),
  secret_key_file: text("File with the 32 bytes that seal foreman's secrets; unset: secret.key in data_dir."),
  log_level: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    default: 'info',
    description: 'Least important kind of line that is logged.'
  }),
  queue,
  limits,
  retry,
  retention,
  artifacts,
  keep_alive: keepAlive,
  poll,
  plugins,
  embed
})

/** What {@link settingsSchema} describes, defaults filled in. */
export type SettingsFile = Static<typeof settingsSchema>
