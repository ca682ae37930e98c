/** A foreman with a caller of every sort, and what belongs to two of them. */
import { readFileSync } from 'node:fs'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { join } from 'node:path'
import { scopes, type Scope as TokenScope } from '../../../core/access/scopes.ts'
import { newId } from '../../../core/jobs/ids.ts'
import { makeTokenText } from '../../../plugins/auth/token-text.ts'
import { withRoutes } from '../../fuzz/routes.ts'
import { type LocalForeman, type Scope, startForeman } from '../../helpers/foreman.ts'
import { ended, ready } from '../../strength/support/jobs.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { formBoundary, type Kind, newEndpoint, type Row } from './matrix.ts'

/** What came back. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A token as it is answered when it is made. */
interface Made {
  readonly id: string
  readonly token: string
}

const allowed: readonly TokenScope[] = ['jobs:write', 'artifacts', 'inference', 'webhooks']
const kinds = ['done', 'kept', 'canceled', 'artifact', 'token', 'endpoint', 'delivery'] as const
const keptCall = JSON.stringify({ model: 'alpha', messages: [{ role: 'user', content: 'hello' }] })
const pathOf = {
  ...{ done: '/jobs', kept: '/jobs', canceled: '/jobs' },
  ...{ artifact: '/artifacts', token: '/tokens' },
  ...{ endpoint: '/webhook-endpoints', delivery: '/webhook-deliveries' }
} as const
// A stream of all events ends by its time alone.
const plugins = {
  auth: { failed_logins_per_minute: 1_000_000 },
  sse: { max_duration_s: 0.2 },
  webhooks: { allow: ['127.0.0.1:9'], max_endpoints: 10_000 }
}

/** Starts it, and notes every route that it has as `METHOD url`. */
export async function startWorld(t: Scope): Promise<{ world: World; routes: string[] }> {
  const fake = await startFake(t, { token_count: 2 })
  const { built, routes } = await withRoutes(() =>
    startForeman(t, { target: fake.url, settings: withShortPauses({ log_level: 'error', plugins }) })
  )
  await ready(built.app)
  const world = new World(built)
  t.after(() => world.agent.destroy())
  await world.fill()
  return { world, routes: routes.map(({ method, url }) => `${method} ${url}`) }
}

/** Makes tokens and objects, and sends requests. */
export class World {
  readonly agent = new Agent({ keepAlive: true, maxSockets: 32 })
  readonly admin: string
  /** What nobody is let in with: the value of `Authorization` by what is wrong with it. */
  readonly wrong: Record<string, string | undefined> = {}
  /** Tokens of one scope each, all of the same owner. */
  readonly alone = new Map<TokenScope, string>()
  /** Ids that many requests share: of that owner, and of somebody else. */
  readonly mine = new Map<Kind, string>()
  readonly others = new Map<Kind, string>()
  readonly #foreman: LocalForeman
  #me!: Made
  #other!: Made

  constructor(foreman: LocalForeman) {
    this.#foreman = foreman
    this.admin = readFileSync(join(foreman.dataDir, 'admin-token'), 'utf8').trim()
  }

  /** Makes all of it. */
  async fill(): Promise<void> {
    this.#me = await this.#token(allowed)
    this.#other = await this.#token(allowed)
    for (const scope of scopes) this.alone.set(scope, (await this.#tokenOfMine([scope])).token)
    for (const kind of kinds) {
      this.mine.set(kind, await this.make(kind))
      this.others.set(kind, await this.make(kind, this.#other.token))
    }
    const { expired, revoked } = await this.#endedTokens()
    Object.assign(this.wrong, {
      ...{ none: undefined, malformed: 'Bearer fm_nonsense', unreadable: 'Basic Zm9vOmJhcg==' },
      unknown: `Bearer ${makeTokenText(newId('tok')).text}`,
      forged: `Bearer ${makeTokenText((await this.#tokenOfMine(['admin'])).id).text}`,
      expired: `Bearer ${expired}`,
      revoked: `Bearer ${revoked}`
    })
  }

  /** Makes an object. @returns its id */
  async make(kind: Kind, token = this.#me.token): Promise<string> {
    if (kind === 'token') return (await this.#token(['metrics'])).id
    // The same bytes again would be the same artifact.
    if (kind === 'artifact') return this.#post('/artifacts', newId('art'), token)
    if (kind === 'kept') return this.#keptCall(token)
    if (kind === 'endpoint') return this.#post('/webhook-endpoints', newEndpoint, token)
    if (kind === 'delivery') return this.#delivery(token)
    const notBefore = new Date(Date.now() + 3_600_000).toISOString()
    const later = kind === 'canceled' && { not_before: notBefore }
    const id = await this.#post('/jobs', JSON.stringify({ model: 'alpha', prompt: 'hello', ...later }), token)
    if (kind === 'canceled') await this.send('POST', `/jobs/${id}/cancel`, `Bearer ${token}`)
    const { state } = await ended(this.#foreman.app, id)
    if (state !== kind) throw new Error(`the job is ${state}`)
    return id
  }

  /** A call that goes on without its caller. @returns the id of its job */
  async #keptCall(token: string): Promise<string> {
    const goOn = { 'foreman-on-disconnect': 'continue' }
    const { headers, status } = await this.send('POST', '/api/chat', `Bearer ${token}`, keptCall, goOn)
    if (status !== 200) throw new Error(`the call was answered ${status}`)
    return headers['foreman-job-id'] as string
  }

  /** One that is over, to an endpoint of its own. @returns its id */
  async #delivery(token: string): Promise<string> {
    const endpoint = await this.make('endpoint', token)
    const path = `/webhook-endpoints/${endpoint}/test`
    const { body, status } = await this.send('POST', path, `Bearer ${token}`, undefined, {
      prefer: 'wait=20'
    })
    if (status !== 200) throw new Error(`the test was answered ${status} ${body}`)
    return JSON.parse(body).id
  }

  /** All shared objects as an administrator sees them. */
  async look(): Promise<string[]> {
    const paths = [this.mine, this.others].flatMap(ids =>
      [...ids].map(([kind, id]) => `${pathOf[kind]}/${id}`)
    )
    const answers = await Promise.all(paths.map(path => this.send('GET', path, `Bearer ${this.admin}`)))
    return answers.map(({ status, body }) => `${status} ${body}`)
  }

  /** How many of each sort of thing there are. */
  counts(): Record<string, unknown> {
    const count = (table: string) =>
      this.#foreman.app.db.prepare(`SELECT COUNT(*) FROM ${table}`).pluck().get()
    return Object.fromEntries(
      ['job', 'artifact', 'token', 'webhook_endpoint', 'webhook_delivery'].map(table => [table, count(table)])
    )
  }

  /** Sends the request of a row about an object. */
  ask({ method, path, body }: Row, authorization: string | undefined, id = ''): Promise<Answer> {
    return this.send(method, path.replace('{id}', id), authorization, body?.replace('{id}', id))
  }

  /** Sends a request and reads the whole answer. No redirect is followed. */
  send(
    method: string,
    path: string,
    authorization?: string,
    body?: string,
    more: Readonly<Record<string, string>> = {}
  ): Promise<Answer> {
    const headers = {
      ...more,
      ...(authorization !== undefined && { authorization }),
      ...(body !== undefined && { 'content-type': typeOf(body), 'content-length': Buffer.byteLength(body) })
    }
    return new Promise((resolve, reject) => {
      const sent = request(
        this.#foreman.url + path,
        { method, headers, agent: this.agent },
        async incoming => {
          const chunks = await incoming.toArray()
          const text = Buffer.concat(chunks).toString()
          resolve({ status: incoming.statusCode!, headers: incoming.headers, body: text })
        }
      )
      sent.on('error', reject).end(body)
    })
  }

  async #endedTokens(): Promise<{ expired: string; revoked: string }> {
    const expired = await this.#tokenOfMine(['admin'])
    this.#foreman.app.db
      .prepare('UPDATE token SET expires_at = ? WHERE id = ?')
      .run(Date.now() - 1, expired.id)
    const revoked = await this.#tokenOfMine(['admin'])
    await this.send('DELETE', `/tokens/${revoked.id}`, `Bearer ${this.admin}`)
    return { expired: expired.token, revoked: revoked.token }
  }

  /** A line of rotations has the same scopes all along: one owner with several is made past the routes. */
  async #tokenOfMine(given: readonly TokenScope[]): Promise<Made> {
    const made = await this.#token(given)
    this.#foreman.app.db.prepare('UPDATE token SET owner = ? WHERE id = ?').run(this.#me.id, made.id)
    return made
  }

  async #token(given: readonly TokenScope[]): Promise<Made> {
    const body = JSON.stringify({ name: given.join(' '), scopes: given })
    return JSON.parse((await this.#made('/tokens', body, this.admin)).body)
  }

  async #post(path: string, body: string, token: string): Promise<string> {
    return JSON.parse((await this.#made(path, body, token)).body).id
  }

  async #made(path: string, body: string, token: string): Promise<Answer> {
    const answer = await this.send('POST', path, `Bearer ${token}`, body)
    if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status} ${answer.body}`)
    return answer
  }
}

function typeOf(body: string): string {
  if (body.startsWith('{')) return 'application/json'
  return body.startsWith(formBoundary)
    ? `multipart/form-data; boundary=${formBoundary.slice(2)}`
    : 'text/plain'
}
