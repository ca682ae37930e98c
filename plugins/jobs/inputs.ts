/** The uploads that a request refers to: looked up when its job is accepted, filled in when it runs. */
import type { FastifyInstance } from 'fastify'
import { type Caller, sees } from '../../core/access/caller.ts'
import { faultAt, InputGoneError } from '../../core/errors.ts'
import type { Artifact } from '../../core/jobs/artifact.ts'
import { type ArtifactReference, base64Length, findReferences } from '../../core/jobs/artifact-references.ts'
import type { StoredRequest } from '../../core/jobs/job.ts'

type Parts = Pick<FastifyInstance, 'jobs' | 'settings'>

/** What an image may be: uploads whose sender did not say are tried. */
const imageType = /^(image\/.+|application\/octet-stream)$/

/**
 * Ids of the uploads of a request; undefined where it has none. `pointer` leads to the request.
 * @throws {ValidationFailedError} for one that is not there, is no image, or makes the request too large
 */
export function inputsOf(
  app: Parts,
  caller: Caller,
  { path, body }: StoredRequest,
  pointer: string
): string[] | undefined {
  const references = findReferences(path, body)
  if (references.length === 0) return undefined
  const { max_request_bytes: limit } = app.settings.artifacts
  let filledBytes = body.length
  return references.map(reference => {
    const at = pointer + reference.pointer
    const { id, sizeBytes, contentType } = uploadOf(app, caller, reference, at)
    if (!imageType.test(contentType)) throw faultAt(at, `is ${contentType}, which is no image`)
    filledBytes += base64Length(sizeBytes)
    if (filledBytes <= limit) return id
    throw faultAt(at, `makes the request larger than ${limit} bytes (artifacts.max_request_bytes)`)
  })
}

/** The same for a job that is done again. @throws {InputGoneError} for one that was removed since */
export function inputsAgain(app: Parts, caller: Caller, { path, body }: StoredRequest): string[] | undefined {
  const references = findReferences(path, body)
  if (references.length === 0) return undefined
  return references.map(({ id = '' }) => {
    if (findUpload(app, caller, id) === undefined) throw new InputGoneError(id)
    return id
  })
}

function uploadOf(app: Parts, caller: Caller, { id }: ArtifactReference, pointer: string): Artifact {
  if (id === undefined) throw faultAt(pointer, 'must be base64 text or {"artifact_id": "art_…"}')
  const upload = findUpload(app, caller, id)
  if (upload === undefined) throw faultAt(pointer, `there is no upload ${id}`)
  return upload
}

/** Another owner's is as if it were not there. */
function findUpload({ jobs }: Parts, caller: Caller, id: string): Artifact | undefined {
  const artifact = jobs.artifacts.find(id)
  return artifact?.role === 'input' && sees(caller, artifact) ? artifact : undefined
}
