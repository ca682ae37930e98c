/** Takes away the files that no artifact needs any more: those whose last row goes, and what a crash left behind. */
import type { Database } from 'better-sqlite3'
import type { Blobs } from './blobs.ts'

const hourMs = 3_600_000

/** Whether any artifact of `db` has its bytes in the blob of a digest. */
export function blobNeed(db: Database): (digest: string) => boolean {
  const find = db.prepare('SELECT 1 FROM artifact WHERE digest = ? AND body IS NULL LIMIT 1')
  return digest => find.get(digest) !== undefined
}

/** Follows the rows of one database, whoever deletes them. */
export class BlobCleaner {
  readonly #blobs: Blobs
  readonly #onError: (err: unknown) => void
  readonly #dropped = new Set<string>()
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #work: Promise<void> = Promise.resolve()

  constructor(db: Database, blobs: Blobs, onError: (err: unknown) => void) {
    this.#blobs = blobs
    this.#onError = onError
    // A trigger sees rows that go with their job as well. It runs inside the transaction, so the look at what is left
    // comes later; a transaction that is rolled back leaves the rows, and so the file.
    db.function('blob_dropped', { directOnly: false }, digest => this.#drop(digest as string))
    db.exec(`CREATE TEMP TRIGGER blob_dropped AFTER DELETE ON main.artifact WHEN OLD.body IS NULL
      BEGIN SELECT blob_dropped(OLD.digest); END`)
  }

  /** Looks for orphans at once and then each hour: files older than an hour without a row. */
  start(): void {
    this.#queue(() => this.#blobs.removeOrphans(Date.now() - hourMs, this.#stop.signal))
    this.#timer = setTimeout(() => this.start(), hourMs)
  }

  /** Resolves when nothing is looked at any more: the database may be closed then. */
  async stop(): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#timer)
    await this.#work
  }

  #drop(digest: string): null {
    if (this.#dropped.size === 0) this.#queue(() => this.#removeDropped())
    this.#dropped.add(digest)
    return null
  }

  async #removeDropped(): Promise<void> {
    for (const digest of this.#dropped) {
      this.#dropped.delete(digest)
      await this.#blobs.removeUnneeded(digest).catch(err => this.#onError(err))
    }
  }

  /** One after another, and never inside the transaction that asks for it. */
  #queue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch(err => this.#onError(err))
  }
}
