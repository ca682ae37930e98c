/** Sends the bytes of an artifact: whole, in part, or not at all where the caller has them. */
import { create } from 'content-disposition'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { NotFoundError } from '../../core/errors.ts'
import type { Artifact } from '../../core/jobs/artifact.ts'
import { RangeNotSatisfiableError } from './errors.ts'
import { type ByteRange, readRange } from './range.ts'
import { reprDigest } from './repr-digest.ts'

const secondMs = 1000
/** How long a copy may be used where the artifact's own end is not known. */
const unknownEndS = 3600
/** Types that no browser takes for a page: they may be shown. */
const harmlessTypes = ['text/plain', 'application/json', 'image/png', 'image/jpeg', 'image/webp']

/**
 * Answers GET and HEAD. The bytes of an artifact never change, so one ETag and one digest hold for its whole life.
 * @throws {RangeNotSatisfiableError}; {NotFoundError} where it was removed in this moment
 */
export async function sendContent(
  app: FastifyInstance,
  artifact: Artifact,
  request: FastifyRequest,
  reply: FastifyReply,
  disposition?: string
): Promise<FastifyReply> {
  const etag = `"sha256:${artifact.digest}"`
  const { headers, method } = request
  reply.headers({ etag, 'cache-control': cacheControl(artifact), 'repr-digest': reprDigest(artifact.digest) })
  if (headers['if-none-match'] !== undefined && isAmong(etag, headers['if-none-match'])) {
    return reply.code(304).send()
  }
  reply.headers(describe(artifact, disposition))
  const range = method === 'GET' ? rangeOf(request, artifact.sizeBytes, etag) : 'all'
  if (range === 'none') return refuseRange(reply, artifact.sizeBytes)
  if (range === 'all') return sendBytes(app, artifact, { start: 0, end: artifact.sizeBytes - 1 }, reply)
  const { start, end } = range
  reply.code(206).header('content-range', `bytes ${start}-${end}/${artifact.sizeBytes}`)
  return sendBytes(app, artifact, range, reply)
}

function describe({ contentType, filename }: Artifact, disposition?: string): Record<string, string> {
  const isShown = harmlessTypes.includes(contentType) && disposition !== 'attachment'
  return {
    'content-type': contentType.startsWith('text/') ? `${contentType}; charset=utf-8` : contentType,
    'content-disposition': create(filename ?? undefined, { type: isShown ? 'inline' : 'attachment' }),
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    'accept-ranges': 'bytes'
  }
}

function cacheControl({ expiresAt }: Artifact): string {
  const left = expiresAt === null ? unknownEndS : Math.floor((expiresAt - Date.now()) / secondMs)
  return `private, max-age=${Math.max(0, left)}, immutable`
}

/** `If-Range` wants a strong match; its dates match nothing, since no date of change is told. */
function rangeOf({ headers }: FastifyRequest, sizeBytes: number, etag: string): ByteRange | 'all' | 'none' {
  const condition = headers['if-range']
  return condition === undefined || condition === etag ? readRange(headers.range, sizeBytes) : 'all'
}

/** Weak comparison, as RFC 9110 section 13.1.2 has it for `If-None-Match`. */
function isAmong(etag: string, ifNoneMatch: string): boolean {
  const tags = ifNoneMatch.split(',').map(tag => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}

function refuseRange(reply: FastifyReply, sizeBytes: number): never {
  for (const name of ['content-disposition', 'cache-control', 'repr-digest', 'etag']) reply.removeHeader(name)
  reply.header('content-range', `bytes */${sizeBytes}`)
  throw new RangeNotSatisfiableError()
}

async function sendBytes(
  app: FastifyInstance,
  artifact: Artifact,
  { start, end }: ByteRange,
  reply: FastifyReply
): Promise<FastifyReply> {
  reply.header('content-length', String(end - start + 1))
  if (reply.request.method === 'HEAD') return reply.send()
  app.telemetry.emit('artifactBytes', 'out', end - start + 1)
  const body = app.jobs.artifacts.body(artifact)
  if (body !== undefined) return reply.send(body.subarray(start, end + 1))
  const file = await app.blobs.open(artifact.digest).catch(err => {
    throw err.code === 'ENOENT' ? new NotFoundError({ cause: err }) : err
  })
  return reply.send(file.createReadStream({ start, end }))
}
