/** `GET /jobs/{id}/stream`: the answer to a call that goes on without its caller, byte for byte, from any of them on. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { type ForemanError, RangeNotSatisfiableError } from '../../core/errors.ts'
import type { Job } from '../../core/jobs/job.ts'
import { findJob } from '../../core/jobs/lookup.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import { schemaValidator } from '../../core/schema-validator.ts'
import { keptStream } from './api.ts'
import { StreamNotKeptError } from './errors.ts'
import { type KeptSource, KeptStream, type Standing, standingOf } from './kept-stream.ts'
import type { KeptStreams } from './kept-streams.ts'

const querySchema = Type.Object(
  {
    offset: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Bytes of the answer that the caller has: it begins behind them. Defaults to 0.'
      })
    )
  },
  { additionalProperties: false }
)

type Query = Static<typeof querySchema>

/** Adds the route. @param stallMs as {@link KeptSource} has it */
export function addKeptStreamRoute(scope: FastifyInstance, streams: KeptStreams, stallMs: number): void {
  const source: KeptSource = { jobs: scope.jobs, telemetry: scope.telemetry, log: scope.log, stallMs }
  scope.setValidatorCompiler(schemaValidator())
  scope.get<{ Params: { id: string }; Querystring: Query }>(
    '/jobs/:id/stream',
    {
      schema: { querystring: querySchema },
      config: { access: 'jobs:read', ticket: 'reusable', api: keptStream }
    },
    async (request, reply) => {
      const { params, query, caller } = request
      const { offset = 0 } = query
      const job = findJob(scope, params.id, caller)
      requireKept(source, streams, job)
      if (reply.raw.closed) return reply.hijack()
      reply.raw.once('close', scope.streamSlots.take(caller, 'ndjson'))
      const standing = await beginning(source, streams, job, offset, reply)
      reply.hijack()
      if (standing !== undefined) send(source, streams, job, offset, standing, request, reply)
    }
  )
}

/** @throws {StreamNotKeptError} where there is nothing to wait for */
function requireKept(source: KeptSource, streams: KeptStreams, job: Job): void {
  if (streams.isKeeping(job) || source.jobs.keptAnswers.head(job.seq) !== undefined) return
  throw notKept(job)
}

function notKept({ attached, state }: Job): ForemanError {
  if (!attached)
    return new StreamNotKeptError(
      'it had no connection. GET /jobs/{id}/events tells its text, GET /jobs/{id}/artifacts/completion has the answer'
    )
  const asked = 'its call did not ask for that by Foreman-On-Disconnect: continue'
  const before = hasEnded(state) ? ', or the job ended before the target answered' : ''
  return new StreamNotKeptError(`${asked}${before}. GET /jobs/{id} tells what became of it`)
}

/**
 * How the answer stands once its head and the bytes before `offset` are there; undefined where the caller has left before.
 * @throws {StreamNotKeptError} {RangeNotSatisfiableError} where the job ends without
 */
function beginning(
  source: KeptSource,
  streams: KeptStreams,
  job: Job,
  offset: number,
  { raw }: FastifyReply
): Promise<Standing | undefined> {
  return new Promise((resolve, reject) => {
    const look = () => {
      try {
        const standing = begun(source, job, offset)
        if (standing !== undefined) resolve(standing)
        return standing !== undefined
      } catch (err) {
        reject(err)
        return true
      }
    }
    if (look()) return
    const close = () => {
      if (!look()) raw.destroy()
    }
    const leave = streams.join(job, { look: () => look() && leave(), close })
    raw.once('close', () => {
      leave()
      resolve(undefined)
    })
  })
}

function begun(source: KeptSource, job: Job, offset: number): Standing | undefined {
  const standing = standingOf(source, job)
  const { answer, sizeBytes, isOver } = standing
  if (answer !== undefined && offset <= sizeBytes) return standing
  if (!isOver) return undefined
  if (answer === undefined) throw notKept(source.jobs.get(job.id) ?? job)
  throw Object.assign(new RangeNotSatisfiableError(), {
    headers: { 'content-range': `bytes */${sizeBytes}` }
  })
}

function send(
  source: KeptSource,
  streams: KeptStreams,
  job: Job,
  offset: number,
  standing: Standing,
  { method }: FastifyRequest,
  reply: FastifyReply
): void {
  const { raw } = reply
  const { status, contentType } = standing.answer!
  raw.writeHead(status, {
    ...(reply.getHeaders() as Record<string, string>),
    ...(contentType !== '' && { 'content-type': contentType }),
    ...lengthOf(standing, offset),
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
    'foreman-job-id': job.id
  })
  if (method === 'HEAD') return void raw.end()
  raw.flushHeaders()
  if (offset > 0) source.telemetry.emit('streamResumed', 'ndjson', resumed(standing, offset))
  const stream = new KeptStream(source, job, offset, raw)
  raw.once('close', streams.join(job, stream))
  stream.look()
}

/** Known of an answer that has ended in order alone: any other is chunked, so that a cut is seen as one. */
function lengthOf({ answer, sizeBytes, isOver }: Standing, offset: number): Record<string, string> {
  return isOver && answer!.complete ? { 'content-length': String(sizeBytes - offset) } : {}
}

function resumed({ sizeBytes, isOver }: Standing, offset: number): 'complete' | 'replayed' {
  return isOver && offset === sizeBytes ? 'complete' : 'replayed'
}
