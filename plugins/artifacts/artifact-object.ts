/** Makes the object of an artifact, and finds the artifact of a path for its caller. */
import type { FastifyInstance } from 'fastify'
import { type Caller, sees } from '../../core/access/caller.ts'
import { NotFoundError } from '../../core/errors.ts'
import type { Artifact } from '../../core/jobs/artifact.ts'
import type { ArtifactObject } from './schemas.ts'

/** The path of one artifact, for Fastify's types. */
export type ArtifactPath = { Params: { id: string } }

/** How routes show an artifact. */
export function artifactObject(artifact: Artifact): ArtifactObject {
  const { id, name, role, jobId, digest, sizeBytes, contentType, filename, createdAt, expiresAt } = artifact
  return {
    ...{ id, name, role, job_id: jobId, digest: `sha256:${digest}`, size_bytes: sizeBytes },
    ...{ content_type: contentType, filename },
    created_at: new Date(createdAt).toISOString(),
    expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    urls: urlsOf(id)
  }
}

/** Where an artifact is found. */
export function urlsOf(id: string): ArtifactObject['urls'] {
  const self = `/artifacts/${id}`
  return { self, content: `${self}/content`, sign: `${self}/sign` }
}

/** The artifact as it is now. @throws {NotFoundError} where there is none, or it is another owner's */
export function findArtifact({ jobs }: FastifyInstance, id: string, caller: Caller): Artifact {
  const artifact = jobs.artifacts.find(id)
  if (artifact === undefined || !sees(caller, artifact)) throw new NotFoundError()
  return artifact
}
