/** Sends requests that a seed chooses to every route of a foreman, over sockets, and judges each answer. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { surfaceOf } from '../../core/errors.ts'
import fc from '../helpers/fast-check.ts'
import { type Scope, startForeman } from '../helpers/foreman.ts'
import { ready } from '../strength/support/jobs.ts'
import { startFake, withShortPauses } from '../strength/support/rig.ts'
import type { KnownKind } from './hints.ts'
import { bytesOf, type Request, requestsFor } from './request.ts'
import { type Route, withRoutes } from './routes.ts'
import { judge } from './verdict.ts'
import { exchange, type Reply } from './wire.ts'

/** What came of a run. */
export interface FuzzFigures {
  readonly routes: number
  /** By status and code. */
  readonly answers: Readonly<Record<string, number>>
  /** Routes of foreman's own that nobody got anything from but errors. */
  readonly barren: readonly string[]
}

const bodyLimitBytes = 300_000
const answerWithinMs = 10_000
const leaveAfterMs = 150
const mostLearned = 50
const resumeEach = 25
/** What goes well there is no answer. */
const socket = 'GET /ws'

/**
 * Sends `requests` of them, the same for the same seed.
 * @throws {Error} with the shortest request found that a promise was not kept for
 */
export async function fuzz(
  t: Scope,
  { requests, seed }: { requests: number; seed: number }
): Promise<FuzzFigures> {
  const fake = await startFake(t, { token_count: 2 })
  const log = new PassThrough()
  const lines: string[] = []
  log.on('data', line => lines.push(String(line)))
  // A stream of all events ends by its time alone.
  // Nobody answers webhooks, and they go nowhere else.
  const plugins = { sse: { max_duration_s: 0.1 }, webhooks: { allow: ['127.0.0.1:9'] } }
  const settings = withShortPauses({ limits: { body_bytes: bodyLimitBytes, shutdown_s: 0 }, plugins })
  const logger = { level: 'error', stream: log }
  const { built, routes } = await withRoutes(() =>
    startForeman(t, { target: fake.url, settings }, { logger })
  )
  await ready(built.app)
  const session = new Session(built.url, routes, await keptCall(built.url))
  await fc.assert(
    fc.asyncProperty(session.anyRequest, request => session.send(request)),
    { numRuns: requests, seed, endOnFailure: false }
  )
  assert.deepEqual(lines, [], 'errors in the log')
  return session.figures
}

/** The job of a call whose answer is kept, as few are. */
async function keptCall(url: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'foreman-on-disconnect': 'continue' }
  const answer = await fetch(`${url}/api/generate`, {
    method: 'POST',
    headers,
    body: '{"model":"alpha","prompt":"x"}'
  })
  await answer.arrayBuffer()
  return answer.headers.get('foreman-job-id')!
}

/** A foreman under fire, and what its answers have told. */
class Session {
  readonly anyRequest: fc.Arbitrary<Request>
  readonly #url: string
  readonly #routes: ReadonlyMap<string, Route>
  readonly #kept: string
  readonly #learned: Record<KnownKind, string[]> = { job: [], art: [], whe: [], dlv: [], cursor: [] }
  readonly #answers: Record<string, number> = {}
  readonly #succeeded = new Set<string>()
  #sent = 0

  constructor(url: string, routes: readonly Route[], kept: string) {
    this.#url = url
    this.#kept = kept
    this.#routes = new Map(routes.map(route => [nameOf(route), route]))
    const own = routes.filter(isOwn)
    const others = routes.filter(route => !isOwn(route))
    this.anyRequest = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.oneof(...own.map(route => ({ weight: weightOf(route), arbitrary: requestsFor(route) })))
      },
      { weight: 1, arbitrary: fc.oneof(...others.map(requestsFor)) }
    )
  }

  get figures(): FuzzFigures {
    const own = [...this.#routes].filter(([, route]) => isOwn(route)).map(([name]) => name)
    const barren = own.filter(name => name !== socket && !this.#succeeded.has(name))
    return { routes: this.#routes.size, answers: this.#answers, barren }
  }

  async send(request: Request): Promise<void> {
    // Somebody pauses and drains; then there is nothing to see of all other routes.
    if (++this.#sent % resumeEach === 0) await fetch(`${this.#url}/queue/resume`, { method: 'POST' })
    const route = this.#routes.get(nameOf(request))!
    const mayLeave = mayTakeLong(request)
    const reply = await exchange(this.#url, request.method, bytesOf(request, this.#knownFor(route)), {
      silenceMs: mayLeave ? leaveAfterMs : answerWithinMs,
      halfClose: isCut(request)
    })
    this.#count(route, reply)
    if (reply === undefined) return assert.ok(mayLeave, 'no answer')
    assert.ok(mayLeave || !reply.cut, 'half an answer')
    judge(route, request, reply)
    this.#learn(reply)
  }

  #knownFor({ url }: Route): Record<KnownKind, string[]> {
    const few = [this.#kept, ...this.#learned.job.slice(-2)]
    return url.endsWith('/stream') ? { ...this.#learned, job: few } : this.#learned
  }

  #count(route: Route, reply: Reply | undefined): void {
    const code = reply?.headers['foreman-error-code']
    const told = reply === undefined ? 'no answer' : `${reply.status}${code === undefined ? '' : ` ${code}`}`
    this.#answers[told] = (this.#answers[told] ?? 0) + 1
    if (reply === undefined || reply.status >= 400) return
    this.#succeeded.add(nameOf(route))
  }

  #learn({ headers, body }: Reply): void {
    const text = `${headers.location} ${body.toString('latin1', 0, 20_000)}`
    for (const [id, kind] of text.matchAll(/\b(job|art|whe|dlv)_[0-9a-z]{26}\b/g)) {
      remember(this.#learned[kind as KnownKind], id)
    }
    for (const [, cursor] of text.matchAll(/"next_cursor":"([^"]+)"/g))
      remember(this.#learned.cursor, cursor!)
  }
}

function remember(list: string[], text: string): void {
  if (list.includes(text)) return
  list.push(text)
  if (list.length > mostLearned) list.shift()
}

function nameOf({ method, url }: Pick<Route, 'method' | 'url'>): string {
  return `${method} ${url}`
}

/** What can say most can go wrong most; what takes things away leaves nothing to look at. */
function weightOf({ method, schema }: Route): number {
  if (method === 'HEAD' || method === 'DELETE') return 1
  return schema.body === undefined ? 3 : 20
}

function isOwn({ url }: Pick<Route, 'url'>): boolean {
  return surfaceOf(url) === 'problem' && url !== '/'
}

/** It asked to be kept waiting, or did not say all it had to say, or the target decides. */
function mayTakeLong(request: Request): boolean {
  const waits = request.fields.some(([name, value]) => name === 'prefer' && value.includes('wait=1'))
  const streams = request.fields.some(([, value]) => value.includes('event-stream'))
  return waits || streams || isCut(request) || !isOwn(request)
}

function isCut({ framing, body }: Request): boolean {
  return framing === 'cut' && body !== undefined
}
