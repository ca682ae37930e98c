/** Series of requests: how many, how long foreman's own answers took, and what was refused. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { httpBuckets } from '../../core/buckets.ts'
import type { AuthFailure } from '../../core/telemetry.ts'
import { CappedLabels } from './capped-labels.ts'
import type { Series } from './series.ts'

const secondMs = 1000
/** Of method and route, for times; each is a histogram. */
const mostTimed = 40
/** Of method and route, for counts; each has a few codes. */
const mostCounted = 100
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** Refusals that are worth a reason of their own, by the code of their error. */
const rejections: Readonly<Record<string, string>> = {
  rate_limited: 'rate_limit',
  too_many_failed_logins: 'rate_limit',
  queue_full: 'queue_full',
  queue_quota_exceeded: 'token_quota',
  body_too_large: 'body_too_large',
  draining: 'draining',
  storage_low: 'storage_low',
  validation_failed: 'validation',
  malformed_json: 'validation'
}

/** What may be amiss at the door. */
const authFailures: readonly AuthFailure[] = [
  'missing',
  'malformed',
  'unknown',
  'expired',
  'revoked',
  'scope',
  'address'
]

/** Follows every request from here on. */
export function addHttpSeries(app: FastifyInstance, series: Series): void {
  addAuthFailures(app, series)
  const timed = timesSeries(series)
  const counted = countsSeries(series)
  // Answers that are passed on from the target, and streams, never come here as a whole.
  app.addHook('onSend', (request, reply, payload, done) => {
    if (isWhole(payload) && !isLongPoll(request)) timed(request, reply)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    counted(request, reply)
    done()
  })
}

function addAuthFailures(app: FastifyInstance, series: Series): void {
  const failures = series.counter({
    name: 'foreman_auth_failures_total',
    help: 'Requests turned away at the door, by what was amiss.',
    labelNames: ['reason']
  })
  for (const reason of authFailures) failures.inc({ reason }, 0)
  app.telemetry.on('authFailure', reason => failures.inc({ reason }))
}

function isWhole(payload: unknown): boolean {
  return payload === null || payload === undefined || typeof payload === 'string' || Buffer.isBuffer(payload)
}

/** `Prefer: wait=N` (RFC 7240 section 4.3): how long that takes is up to the job. */
function isLongPoll({ headers }: FastifyRequest): boolean {
  return /\bwait=/.test(String(headers.prefer ?? ''))
}

function timesSeries(series: Series) {
  const duration = series.histogram({
    name: 'foreman_http_request_duration_seconds',
    help: 'Requests that foreman answers itself, to the answer; streams, long polls and answers of the target left out.',
    labelNames: ['method', 'route'],
    buckets: httpBuckets
  })
  const labels = new CappedLabels(mostTimed)
  return (request: FastifyRequest, reply: FastifyReply) => {
    const [route, method] = labels.of(routeOf(request), methodOf(request))
    duration.observe({ method, route }, reply.elapsedTime / secondMs)
  }
}

function countsSeries(series: Series) {
  const requests = series.counter({
    name: 'foreman_http_requests_total',
    help: 'Requests, by what was answered.',
    labelNames: ['method', 'route', 'code']
  })
  const rejected = series.counter({
    name: 'foreman_http_rejections_total',
    help: 'Requests that a limit refused.',
    labelNames: ['reason']
  })
  for (const reason of new Set(Object.values(rejections))) rejected.inc({ reason }, 0)
  const labels = new CappedLabels(mostCounted)
  const codes = new CappedLabels(2 * mostCounted)
  return (request: FastifyRequest, reply: FastifyReply) => {
    const [route, method] = labels.of(routeOf(request), methodOf(request))
    const [code] = codes.of(String(reply.statusCode), `${method} ${route}`)
    requests.inc({ method, route, code })
    const reason = rejections[String(reply.getHeader('foreman-error-code'))]
    if (reason !== undefined) rejected.inc({ reason })
  }
}

/** The route as it is written in the program, never the path. */
function routeOf({ routeOptions, is404 }: FastifyRequest): string {
  return is404 ? 'none' : (routeOptions.url ?? 'none')
}

function methodOf({ method }: FastifyRequest): string {
  return methods.includes(method) ? method : 'other'
}
