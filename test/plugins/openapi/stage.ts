/** A foreman with tokens before a fake target, its description, and requests as the description has them. */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { FakeConfig, FakeOllama } from '../../fake-ollama/start.ts'
import { type Scope, type SettingsPart, startForeman } from '../../helpers/foreman.ts'
import { ended, ready } from '../../strength/support/jobs.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { type Answer, Description, type Operation } from './description.ts'

/** A request. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** An object goes out as JSON. */
  readonly body?: object | string | undefined
}

/** What `{id}` and the like stand for, by the first segment of the path. */
export type Kind = 'jobs' | 'artifacts' | 'tokens' | 'webhook-endpoints' | 'webhook-deliveries'

/** Webhooks may go there, and nobody answers. */
export const deafUrl = 'http://127.0.0.1:9/'

/** The model that the examples of the description use. */
export const model = 'llama3.2'
/** And the one that embeds. */
export const embedder = 'nomic-embed-text'
/** One whose answers never end. */
export const slowModel = 'slow'
/** The largest body that these foremen take. */
export const bodyLimit = 100_000

const models: FakeConfig['models'] = [
  { name: model, size_bytes: 1e9, capabilities: ['completion', 'audio'] },
  { name: slowModel, size_bytes: 1e9, fault: { kind: 'stall', after: 1 } },
  { name: embedder, size_bytes: 1e8, capabilities: ['embedding'] },
  { name: 'other', size_bytes: 1e9 }
]

const formBoundary = 'part'
/** A form with a file and a model. */
export const form = [
  ...[`--${formBoundary}`, 'Content-Disposition: form-data; name="model"', '', model],
  ...[`--${formBoundary}`, 'Content-Disposition: form-data; name="file"; filename="a.wav"', '', 'RIFF'],
  `--${formBoundary}--\r\n`
].join('\r\n')
/** Its type. */
export const formType = `multipart/form-data; boundary=${formBoundary}`

const hourMs = 3_600_000
const patienceMs = 20_000

/** A foreman, and what is there of its own. */
export class Stage {
  readonly url: string
  readonly app: FastifyInstance
  readonly fake: FakeOllama
  readonly description: Description
  readonly admin: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })

  private constructor(
    url: string,
    app: FastifyInstance,
    fake: FakeOllama,
    description: Description,
    admin: string
  ) {
    this.url = url
    this.app = app
    this.fake = fake
    this.description = description
    this.admin = admin
  }

  /** Starts it. `auth`: options of the plugin. */
  static async start(t: Scope, settings: SettingsPart = {}, auth: SettingsPart | false = {}): Promise<Stage> {
    const fake = await startFake(t, { models, token_count: 2, cloud_disabled: true })
    const guard = auth && { failed_logins_per_minute: 1_000_000, ...auth }
    // What failures of the target come to is told by its lists as well.
    // And a stream of all events ends by its time alone.
    const sse = { max_duration_s: 0.2 }
    const given = settings.plugins as { webhooks?: object } | undefined
    const webhooks = { allow: ['127.0.0.1:9'], ...given?.webhooks }
    const plugins = { passthrough: { stale_lists: false }, auth: guard, sse, webhooks }
    const limits = { body_bytes: bodyLimit, shutdown_s: 0.1, ...(settings.limits as object | undefined) }
    const artifacts = { max_bytes_each: bodyLimit, ...(settings.artifacts as object | undefined) }
    const all = withShortPauses({ ...settings, limits, artifacts, plugins })
    const { url, app, dataDir } = await startForeman(t, { target: fake.url, settings: all })
    await ready(app)
    const admin = auth === false ? '' : readFileSync(join(dataDir, 'admin-token'), 'utf8').trim()
    const stage = new Stage(url, app, fake, await Description.of(url), admin)
    t.after(() => stage.#agent.destroy())
    return stage
  }

  /** Sends a request with a token, the administrator's unless another is named; none with `''`. */
  send({ method, path, headers = {}, body }: Asked, token = this.admin): Promise<Answer> {
    const bytes = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const all = {
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...(typeof body === 'object' && { 'content-type': 'application/json' }),
      ...(bytes !== undefined && { 'content-length': String(Buffer.byteLength(bytes)) }),
      ...headers
    }
    return new Promise((resolve, reject) => {
      const sent = request(this.url + path, { method, headers: all, agent: this.#agent }, async answer => {
        const status = answer.statusCode!
        resolve({ status, headers: answer.headers, body: Buffer.concat(await answer.toArray()) })
      })
      sent.on('upgrade', ({ statusCode, headers: told }, socket) => {
        socket.destroy()
        resolve({ status: statusCode!, headers: told, body: Buffer.alloc(0) })
      })
      sent.setTimeout(patienceMs, () => sent.destroy(new Error(`no answer to ${method} ${path}`)))
      sent.on('error', reject).end(bytes)
    })
  }

  /** Sends it, and parses what must be a success. @throws {Error} with the answer where it is none */
  async made<T = { id: string }>(asked: Asked, token?: string): Promise<T> {
    const { status, body } = await this.send(asked, token)
    if (status >= 300) throw new Error(`${asked.method} ${asked.path}: ${status} ${body}`)
    return JSON.parse(String(body)) as T
  }

  /** A new token. */
  async token(draft: object = {}): Promise<string> {
    const body = { name: 'test', scopes: ['admin'], ...draft }
    return (await this.made<{ token: string }>({ method: 'POST', path: '/tokens', body })).token
  }

  /** A job in a state. */
  async job(
    state: 'done' | 'canceled' | 'queued' | 'removed',
    body: object = {},
    token?: string
  ): Promise<string> {
    const later = state === 'queued' || state === 'canceled'
    const notBefore = later && { not_before: new Date(Date.now() + hourMs).toISOString() }
    const whole = { model, prompt: 'hello', ...notBefore, ...body }
    const { id } = await this.made({ method: 'POST', path: '/jobs', body: whole }, token)
    if (state === 'canceled') await this.send({ method: 'POST', path: `/jobs/${id}/cancel` }, token)
    if (state === 'done' || state === 'removed') await ended(this.app, id)
    if (state === 'removed') await this.send({ method: 'DELETE', path: `/jobs/${id}` }, token)
    return id
  }

  /** An upload of its own. */
  async artifact(): Promise<string> {
    const bytes = `upload ${Math.random()}`
    return (await this.made({ method: 'POST', path: '/artifacts', body: bytes })).id
  }

  /** An endpoint that is told of nothing unless it is tried. */
  async endpoint(): Promise<string> {
    const body = { url: deafUrl, events: ['webhook_endpoint.test'] }
    return (await this.made({ method: 'POST', path: '/webhook-endpoints', body })).id
  }

  /** A delivery to an endpoint, when it is over. */
  async delivery(endpoint: string): Promise<string> {
    const headers = { prefer: 'wait=20' }
    return (await this.made({ method: 'POST', path: `/webhook-endpoints/${endpoint}/test`, headers })).id
  }

  /** Something that a path may be about. */
  async make(kind: Kind): Promise<string> {
    if (kind === 'jobs') return this.job('done')
    if (kind === 'artifacts') return this.artifact()
    if (kind === 'webhook-endpoints') return this.endpoint()
    if (kind === 'webhook-deliveries') return this.delivery(await this.endpoint())
    const body = { name: 'made', scopes: ['metrics'] }
    return (await this.made({ method: 'POST', path: '/tokens', body })).id
  }
}

/** The path of an operation, about `id`. */
export function pathOf({ path }: Operation, id = ''): string {
  const digest = `sha256:${'0'.repeat(64)}`
  const name = path.startsWith('/models/') ? nameFor(path) : 'completion'
  const values: Record<string, string> = { id, name, model, digest, key: 'a2V5' }
  return path.replace(/\{(\w+)\}/g, (_whole, part) => values[part] ?? part)
}

/** One to be loaded is not in memory yet. */
function nameFor(path: string): string {
  return path.endsWith('/load') ? slowModel : model
}

/** What an operation is about, where it is about one thing. */
export function kindOf({ path }: Operation): Kind | undefined {
  return path.includes('{id}') ? (path.split('/')[1] as Kind) : undefined
}
