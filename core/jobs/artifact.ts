/** What an artifact is: a named piece of data that can be fetched, and how it lies in its row. */

/** One artifact at one moment. Times are ms since 1970. */
export interface Artifact {
  readonly seq: number
  readonly id: string
  readonly owner: string
  /** Made by a job, or handed in for jobs to use. */
  readonly role: 'output' | 'input'
  /** The job that made it. */
  readonly jobId: string | null
  /** What the job calls it; null for an upload. */
  readonly name: string | null
  readonly contentType: string
  /** As its sender named it: for display only. */
  readonly filename: string | null
  readonly sizeBytes: number
  /** SHA-256 of the bytes, in hex. */
  readonly digest: string
  readonly createdAt: number
  /** An output goes with its job. Null while its end is not known: a job that has not been removed uses it. */
  readonly expiresAt: number | null
}

/** A file with these bytes is on the disk. */
export interface StoredBlob {
  /** SHA-256 in hex. */
  readonly digest: string
  readonly sizeBytes: number
}

/** Every field of a row of `artifact` that is joined with the `job` that made it, for SELECT. */
export const artifactColumns = `artifact.seq, artifact.id, artifact.owner, job.id AS jobId, name,
  content_type AS contentType, filename, size_bytes AS sizeBytes, digest, artifact.created_at AS createdAt,
  CASE WHEN job_seq IS NOT NULL THEN job.expires_at WHEN uses = 0 THEN artifact.expires_at END AS expiresAt`

/** INSERT with named parameters: the fields, `jobSeq` in the place of `jobId`, and `body`. */
export const insertArtifact = `INSERT INTO artifact (id, owner, job_seq, name, content_type, filename, size_bytes,
  digest, created_at, expires_at, body) VALUES (@id, @owner, @jobSeq, @name, @contentType, @filename, @sizeBytes,
  @digest, @createdAt, @expiresAt, @body)`

/** A row as SQLite gives it under {@link artifactColumns}. */
export type ArtifactRow = Omit<Artifact, 'role'>

/** The artifact of a row. */
export function toArtifact(row: ArtifactRow): Artifact
export function toArtifact(row: ArtifactRow | undefined): Artifact | undefined
export function toArtifact(row: ArtifactRow | undefined): Artifact | undefined {
  return row && { ...row, role: row.jobId === null ? 'input' : 'output' }
}
