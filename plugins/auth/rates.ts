/**
 * How many requests and jobs a token may make within a minute, told in the header fields of the IETF draft "RateLimit
 * header fields for HTTP". A minute begins with the first request, or job, that is counted in it.
 */
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Caller, Limits } from '../../core/access/caller.ts'
import type { QueueDepth } from '../../core/jobs/depth.ts'
import { rateLimited } from './errors.ts'
import { type Window, Windows } from './windows.ts'

/** Options of the plugin: they hold for tokens that have no such limit of their own and are not of `admin`. */
export const rateOptions = {
  requests_per_minute: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Requests that a token may make within a minute.' })
  ),
  jobs_per_minute: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Jobs that a token may make within a minute.' })
  )
}

/** Most of each within a minute; what is left out is not limited. */
export interface Quotas {
  readonly requestsPerMinute?: number
  readonly jobsPerMinute?: number
}

/** A caller whose token may have limits of its own. */
export interface RatedCaller extends Caller {
  readonly limits: Limits & Quotas
}

/** What it works with. */
export interface RatesParts {
  /** For tokens without limits of their own. */
  readonly defaults: Quotas
  readonly depth: Pick<QueueDepth, 'ofOwner'>
  /** ms, on a clock that never goes back. */
  readonly now?: () => number
}

type Counted = 'requests' | 'jobs'
type AllQuotas = Readonly<Record<Counted | 'queued', number | undefined>>

const windowS = 60

/** Counts what tokens do. */
export class Rates {
  readonly #parts: RatesParts
  readonly #now: () => number
  readonly #windows = { requests: new Windows(windowS * 1000), jobs: new Windows(windowS * 1000) }

  constructor(parts: RatesParts) {
    this.#parts = parts
    this.#now = parts.now ?? (() => performance.now())
  }

  /**
   * Counts a request, and tells in the header of its answer what is left.
   * @returns the caller, who counts the jobs that the request makes
   * @throws {RateLimitedError} where it is one too many
   */
  admit(caller: RatedCaller, reply: FastifyReply): Caller {
    const quotas = this.#quotasOf(caller)
    if (Object.values(quotas).every(quota => quota === undefined)) return caller
    this.#count(caller, quotas, 'requests', reply)
    if (quotas.jobs === undefined) return caller
    return { ...caller, countJob: () => this.#count(caller, quotas, 'jobs', reply) }
  }

  #quotasOf({ limits, scopes }: RatedCaller): AllQuotas {
    const defaults = scopes.has('admin') ? {} : this.#parts.defaults
    return {
      requests: limits.requestsPerMinute ?? defaults.requestsPerMinute,
      jobs: limits.jobsPerMinute ?? defaults.jobsPerMinute,
      queued: limits.maxQueued
    }
  }

  #count(caller: Caller, quotas: AllQuotas, what: Counted, reply: FastifyReply): void {
    const quota = quotas[what]
    const now = this.#now()
    const window = quota === undefined ? undefined : this.#windows[what].at(keyOf(caller), now)
    const isOver = window !== undefined && window.count >= quota!
    if (window !== undefined && !isOver) window.count += 1
    // Lines are counted while their answers are on their way.
    if (!reply.raw.headersSent) reply.headers(this.#headersFor(caller, quotas, now))
    if (isOver) throw rateLimited(what, quota!, leftS(window, now))
  }

  #headersFor(caller: Caller, { requests, jobs, queued }: AllQuotas, now: number): Record<string, string> {
    const policies: string[] = []
    const states: string[] = []
    for (const [what, quota] of [
      ['requests', requests],
      ['jobs', jobs]
    ] as const) {
      if (quota === undefined) continue
      const window = this.#windows[what].find(keyOf(caller), now)
      policies.push(`"${what}";q=${quota};w=${windowS}`)
      states.push(`"${what}";r=${quota - (window?.count ?? 0)};t=${leftS(window, now)}`)
    }
    if (queued !== undefined) {
      policies.push(`"queued";q=${queued};qu="concurrent-requests"`)
      states.push(`"queued";r=${Math.max(0, queued - this.#parts.depth.ofOwner(caller.owner))}`)
    }
    return { 'ratelimit-policy': policies.join(', '), ratelimit: states.join(', ') }
  }
}

function keyOf({ tokenId, owner }: Caller): string {
  return tokenId ?? owner
}

/** Whole seconds until the window ends; a whole one where none has begun. */
function leftS(window: Window | undefined, now: number): number {
  return window === undefined ? windowS : Math.ceil((window.endsAt - now) / 1000)
}
