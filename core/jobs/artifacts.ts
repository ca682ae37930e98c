/**
 * Artifacts as rows: what jobs left behind (outputs), what callers handed in (uploads), and which jobs use which.
 * The bytes of larger ones are in {@link Blobs}; a row that points there is written only when its file is on the disk.
 */
import { createHash } from 'node:crypto'
import type { Database, Statement } from 'better-sqlite3'
import {
  type Artifact,
  type ArtifactRow,
  artifactColumns,
  insertArtifact,
  type StoredBlob,
  toArtifact
} from './artifact.ts'
import { newId } from './ids.ts'
import type { Job } from './job.ts'

/** Name of the artifact that is a job's answer. */
export const completionName = 'completion'

/** Outputs up to this size lie in the database, and are shown in the job object: 256 KiB. */
export const inlineBytes = 256 * 1024

/** An answer to be kept: its bytes, or the blob that has them. */
export interface Output {
  readonly contentType: string
  readonly content: Buffer | StoredBlob
}

/** What a caller handed in. Times in ms since 1970. */
export interface NewUpload {
  readonly owner: string
  readonly contentType: string
  readonly filename: string | null
  readonly blob: StoredBlob
  readonly createdAt: number
  readonly expiresAt: number
}

/** Reads and writes the rows. */
export class Artifacts {
  readonly #insert: Statement
  readonly #keepUpload: Statement
  readonly #use: Statement
  readonly #byId: Statement
  readonly #ofJob: Statement
  readonly #usedBy: Statement
  readonly #uploaded: Statement
  readonly #uploadedBytes: Statement
  readonly #usedByLive: Statement
  readonly #remove: Statement
  readonly #body: Statement
  readonly #total: Statement

  constructor(db: Database) {
    const select = (where: string) =>
      db.prepare(`SELECT ${artifactColumns} FROM artifact LEFT JOIN job ON job.seq = job_seq WHERE ${where}`)
    this.#insert = db.prepare(insertArtifact)
    this.#keepUpload = db.prepare('UPDATE artifact SET expires_at = max(expires_at, ?) WHERE seq = ?')
    this.#use = db.prepare(
      `INSERT OR IGNORE INTO artifact_use (job_seq, artifact_seq)
        SELECT ?, seq FROM artifact WHERE id = ? AND job_seq IS NULL`
    )
    this.#byId = select('artifact.id = ?')
    this.#ofJob = select('job_seq = ? ORDER BY artifact.seq')
    this.#usedBy = select(
      'artifact.seq IN (SELECT artifact_seq FROM artifact_use WHERE artifact_use.job_seq = ?) ORDER BY artifact.seq'
    )
    this.#uploaded = select('artifact.owner = ? AND digest = ? AND job_seq IS NULL')
    this.#uploadedBytes = db
      .prepare('SELECT coalesce(sum(size_bytes), 0) FROM artifact WHERE owner = ? AND job_seq IS NULL')
      .pluck()
    this.#usedByLive = db.prepare(`SELECT 1 FROM artifact_use JOIN job ON job.seq = job_seq
      WHERE artifact_seq = ? AND finished_at IS NULL LIMIT 1`)
    this.#remove = db.prepare('DELETE FROM artifact WHERE seq = ?')
    this.#body = db.prepare('SELECT body FROM artifact WHERE seq = ?').pluck()
    this.#total = db.prepare('SELECT artifacts, stored_bytes AS storedBytes FROM artifact_total')
  }

  /** For the store, in the transaction that ends the job. A job has one artifact of each name. */
  addOutput({ seq: jobSeq, owner }: Job, { contentType, content }: Output, createdAt: number): void {
    const body = content instanceof Buffer ? content : null
    const blob = content instanceof Buffer ? blobOf(content) : content
    const id = newId('art')
    const output = { name: completionName, filename: null, expiresAt: null, body }
    this.#insert.run({ id, owner, jobSeq, contentType, createdAt, ...output, ...blob })
  }

  /** Notes what a caller handed in, while its blob is sure to stay. */
  addUpload({ blob, ...upload }: NewUpload): Artifact {
    const id = newId('art')
    this.#insert.run({ id, ...upload, ...blob, jobSeq: null, name: null, body: null })
    return this.find(id)!
  }

  /** The upload lives until then at least. @returns it as it is now */
  keepUpload({ seq, id }: Artifact, expiresAt: number): Artifact {
    this.#keepUpload.run(expiresAt, seq)
    return this.find(id)!
  }

  /** For the store, in the transaction that accepts the job. One that was removed meanwhile is missed when it runs. */
  addUses(jobSeq: number, ids: readonly string[]): void {
    for (const id of ids) this.#use.run(jobSeq, id)
  }

  /** The artifact of this id, of any owner. */
  find(id: string): Artifact | undefined {
    return toArtifact(this.#byId.get(id) as ArtifactRow | undefined)
  }

  /** What the job made. */
  ofJob(jobSeq: number): Artifact[] {
    return this.#all(this.#ofJob, jobSeq)
  }

  /** The uploads that the job's request refers to, as far as they are there. */
  usedBy(jobSeq: number): Artifact[] {
    return this.#all(this.#usedBy, jobSeq)
  }

  /** The upload of an owner with these bytes. */
  uploaded(owner: string, digest: string): Artifact | undefined {
    return toArtifact(this.#uploaded.get(owner, digest) as ArtifactRow | undefined)
  }

  /** Size of all uploads of an owner. */
  uploadedBytes(owner: string): number {
    return this.#uploadedBytes.get(owner) as number
  }

  /** How many there are, of all owners, and their size. Equal bytes are stored once and count each time. */
  total(): { artifacts: number; storedBytes: number } {
    return this.#total.get() as { artifacts: number; storedBytes: number }
  }

  /** Whether a job that has not ended refers to it. */
  isInUse({ seq }: Artifact): boolean {
    return this.#usedByLive.get(seq) !== undefined
  }

  /** Removes the row; the file goes by itself when it was the last with these bytes. */
  remove({ seq }: Artifact): void {
    this.#remove.run(seq)
  }

  /** The bytes of one that lies in the database; undefined for one that is a blob, or gone. */
  body({ seq }: Artifact): Buffer | undefined {
    return (this.#body.get(seq) as Buffer | null | undefined) ?? undefined
  }

  #all(select: Statement, jobSeq: number): Artifact[] {
    return (select.all(jobSeq) as ArtifactRow[]).map(row => toArtifact(row))
  }
}

function blobOf(bytes: Buffer): StoredBlob {
  return { digest: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length }
}
