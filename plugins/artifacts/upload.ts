/** `POST /artifacts`: takes bytes in once, however often they come. */
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../../core/access/caller.ts'
import { durably, isStorageFailure } from '../../core/database/open.ts'
import { BodyTooLargeError, StorageLowError, UnsupportedMediaTypeError } from '../../core/errors.ts'
import type { Artifact, StoredBlob } from '../../core/jobs/artifact.ts'
import { checkDisk } from '../../core/queue/caps.ts'
import { queueRules } from '../../core/queue/rules.ts'
import * as api from './api.ts'
import { artifactObject, urlsOf } from './artifact-object.ts'
import { DigestMismatchError, UploadsFullError } from './errors.ts'
import { type Incoming, openIncoming } from './incoming.ts'
import { readReprDigest } from './repr-digest.ts'
import { type ArtifactObject, artifactSchema } from './schemas.ts'

/** An upload, and whether its owner had these bytes already. */
interface Taken {
  readonly artifact: Artifact
  readonly isNew: boolean
}

const secondMs = 1000

/** Adds the route. Its scope hands bodies on as they come. */
export async function addUploadRoute(scope: FastifyInstance): Promise<void> {
  const { max_bytes_each: limit } = scope.settings.artifacts
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  // One byte more than is taken shows that it is too much; fields beside the file are read and forgotten.
  const limits = { fileSize: limit + 1, files: 1, parts: 20, fieldSize: 10_000 }
  await scope.register(multipart, { limits, throwFileSizeLimit: false })
  const schema = { response: { 200: artifactSchema, 201: artifactSchema } }
  scope.post(
    '/artifacts',
    { schema, bodyLimit: limit, config: { access: 'artifacts', api: api.upload } },
    (request, reply) => upload(scope, request, reply)
  )
}

async function upload(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<ArtifactObject> {
  try {
    const { artifact, isNew } = await take(app, request)
    reply.code(isNew ? 201 : 200).header('location', urlsOf(artifact.id).self)
    return artifactObject(artifact)
  } catch (err) {
    if (!request.raw.complete) turnAway(request, reply)
    throw isStorageFailure(err) ? new StorageLowError({ cause: err }) : err
  }
}

/** What is still to come is read and thrown away until the answer is out, and the connection with it. */
function turnAway({ raw }: FastifyRequest, reply: FastifyReply): void {
  reply.header('connection', 'close')
  raw.unpipe()
  raw.resume()
}

async function take(app: FastifyInstance, request: FastifyRequest): Promise<Taken> {
  const { max_bytes_each: limit } = app.settings.artifacts
  const { headers } = request
  const coding = headers['content-encoding'] ?? 'identity'
  if (coding !== 'identity') throw new UnsupportedMediaTypeError(`${headers['content-type']}; ${coding}`)
  if (!request.isMultipart() && Number(headers['content-length']) > limit) throw new BodyTooLargeError(limit)
  checkDisk(app.disk, queueRules(app.settings).caps)
  const wanted = readReprDigest(headers['repr-digest'] as string | undefined)
  const incoming = await openIncoming(request)
  return app.blobs.write(incoming.bytes(limit), blob => {
    if (wanted !== undefined && wanted !== blob.digest) throw new DigestMismatchError()
    const taken = record(app, request.caller, incoming, blob)
    app.telemetry.emit('artifactBytes', 'in', blob.sizeBytes)
    return taken
  })
}

/** On the disk when this returns, as its file is. */
function record(
  { db, jobs, settings }: FastifyInstance,
  { owner }: Caller,
  incoming: Incoming,
  blob: StoredBlob
): Taken {
  const { artifacts } = jobs
  const createdAt = Date.now()
  const expiresAt = Math.ceil(createdAt + settings.retention.upload_s * secondMs)
  return durably(db, () => {
    const held = artifacts.uploaded(owner, blob.digest)
    if (held !== undefined) return { artifact: artifacts.keepUpload(held, expiresAt), isNew: false }
    const { max_bytes_total: limit } = settings.artifacts
    if (artifacts.uploadedBytes(owner) + blob.sizeBytes > limit) throw new UploadsFullError(limit)
    const { contentType, filename } = incoming
    const upload = { owner, contentType, filename, blob, createdAt, expiresAt }
    return { artifact: artifacts.addUpload(upload), isNew: true }
  })
}
