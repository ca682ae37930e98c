/** A whole installation for a test: a fake Ollama, foreman as a process with tokens and its metrics listener, and Prometheus over it. */
import assert from 'node:assert/strict'
import { type FakeConfig, type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import { type ForemanProcess, type Scope, type SettingsPart, spawnForeman } from '../helpers/foreman.ts'
import { type Prometheus, startPrometheus } from '../helpers/prometheus.ts'
import { type Receiver, startReceiver } from '../plugins/webhooks/receiver.ts'
import { withShortPauses } from '../strength/support/rig.ts'

/** How to ask. */
export interface AskOptions {
  readonly body?: object | string | FormData
  readonly headers?: Readonly<Record<string, string>>
  /** Undefined: none. Defaults to the administrator's. */
  readonly token?: string | undefined
}

/** A foreman that listens for scrapes. */
export interface ScrapedForeman extends ForemanProcess {
  /** `host:port` of its metrics listener. */
  readonly metricsAt: string
  /** Where its webhooks may go. */
  readonly receiver: Receiver
  /** What a scrape answers now. */
  scrape(): Promise<string>
  /** Asks a route. */
  ask(method: string, path: string, options?: AskOptions): Promise<Response>
  /** Hands in a job. @returns its id @throws {AssertionError} unless it is accepted */
  submit(body: object, headers?: Readonly<Record<string, string>>): Promise<string>
  /** The state of the job once it has ended. */
  ended(id: string): Promise<string>
}

/** The whole of it. */
export interface Watched {
  readonly fake: FakeOllama
  readonly foreman: ScrapedForeman
  readonly prometheus: Prometheus
}

/** What differs from the usual. */
export interface WatchedOptions {
  readonly fake?: Partial<FakeConfig>
  readonly settings?: SettingsPart
  readonly dataDir?: string
  /** Text of a rule file. */
  readonly rules?: string
}

const token = 'administrator-of-the-deployment-tests'

const models: FakeConfig['models'] = [
  ...['alpha', 'beta', 'gamma'].map(name => ({
    name,
    capabilities: ['completion' as const, 'tools' as const]
  })),
  { name: 'embedder', capabilities: ['embedding'] },
  { name: 'scribe', capabilities: ['completion', 'audio'] },
  { name: 'broken', fault: { kind: 'clean_end', after: 1 } },
  { name: 'silent', fault: { kind: 'stall', after: 1 } }
]

/** A fake with all kinds of models, room for two, and delays that can be measured. */
export async function startTarget(t: Scope, config: Partial<FakeConfig> = {}): Promise<FakeOllama> {
  const delays = { load_delay_ms: 60, unload_delay_ms: 10, prompt_delay_ms: 10, token_delay_ms: 5 }
  const fake = await startFakeOllama({ models, max_loaded: 2, ...delays, ...config })
  t.after(() => fake.kill())
  return fake
}

/** Starts all three; they are gone when the test is over. The first scrape is done. */
export async function startWatched(t: Scope, options: WatchedOptions = {}): Promise<Watched> {
  const fake = await startTarget(t, options.fake)
  const foreman = await startScraped(t, fake.url, options)
  const prometheus = await startPrometheus(t, { targets: [foreman.metricsAt], rules: options.rules })
  await prometheus.holds('up == 1 and on (instance) foreman_target_up == 1')
  return { fake, foreman, prometheus }
}

/** Starts a foreman that can be scraped. `listen`: where, by default a free port. */
export async function startScraped(
  t: Scope,
  target: string,
  { settings = {}, dataDir }: Pick<WatchedOptions, 'settings' | 'dataDir'> = {},
  listen = '127.0.0.1:0'
): Promise<ScrapedForeman> {
  const receiver = await startReceiver(t)
  const auth = { token, failed_logins_per_minute: 1000 }
  const plugins = { auth, metrics: { listen }, webhooks: { allow: [receiver.allow] } }
  const all = withShortPauses({ ...settings, plugins })
  const foreman = await spawnForeman(t, { target, settings: all, ...(dataDir && { dataDir }) })
  const address = (await foreman.logged('metrics without a token')).address as string
  return {
    ...foreman,
    receiver,
    metricsAt: new URL(address).host,
    scrape: async () => (await fetch(address)).text(),
    ...speaker(foreman.url)
  }
}

function speaker(url: string): Pick<ScrapedForeman, 'ask' | 'submit' | 'ended'> {
  const ask: ScrapedForeman['ask'] = (method, path, options = {}) => {
    const { body, headers } = options
    const shown = 'token' in options ? options.token : token
    const isObject = typeof body === 'object' && !(body instanceof FormData)
    return fetch(url + path, {
      method,
      headers: {
        ...(shown !== undefined && { authorization: `Bearer ${shown}` }),
        ...(isObject && { 'content-type': 'application/json' }),
        ...headers
      },
      ...(body !== undefined && { body: isObject ? JSON.stringify(body) : (body as string | FormData) })
    })
  }
  return {
    ask,
    async submit(body, headers = {}) {
      const answer = await ask('POST', '/jobs', { body, headers })
      const job = (await answer.json()) as { id: string }
      assert.equal(answer.status, 202, JSON.stringify(job))
      return job.id
    },
    async ended(id) {
      const answer = await ask('GET', `/jobs/${id}`, { headers: { prefer: 'wait=20' } })
      return ((await answer.json()) as { state: string }).state
    }
  }
}
