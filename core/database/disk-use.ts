/** How much of the disk foreman's data takes, and how much of it is left. Looking costs little at any rate. */
import { statfsSync, statSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Database, Statement } from 'better-sqlite3'

/** The disk that the data directory is on. */
export interface DiskSpace {
  /** What this process may still take. */
  readonly freeBytes: number
  readonly totalBytes: number
}

/** What a look at the file system tells. */
interface Files extends DiskSpace {
  readonly at: number
  readonly logBytes: number
}

const secondMs = 1000
/** Files outside of the database are counted again after this time, beside whatever else goes on. */
const recountMs = 30 * secondMs

/** Measures one data directory. */
export class DiskUse {
  readonly #dataDir: string
  readonly #logFile: string
  readonly #pageBytes: number
  readonly #pages: Statement
  readonly #freePages: Statement
  #looked: Files | undefined
  #blobBytes = 0
  #countedAt = Number.NEGATIVE_INFINITY

  /** @param db the database of `dataDir`, which the blobs lie beside */
  constructor(db: Database, dataDir: string) {
    this.#dataDir = dataDir
    this.#logFile = `${db.name}-wal`
    this.#pageBytes = db.pragma('page_size', { simple: true }) as number
    this.#pages = db.prepare('PRAGMA page_count').pluck()
    this.#freePages = db.prepare('PRAGMA freelist_count').pluck()
  }

  /**
   * Used pages of the database as they are now, its log as it was within the last second, and the blobs as they were
   * last counted: half a minute ago or so.
   */
  takenBytes(): number {
    const { db, wal, blobs } = this.parts()
    return db + wal + blobs
  }

  /** The same by what takes it, in bytes. */
  parts(): { db: number; wal: number; blobs: number } {
    const pages = (this.#pages.get() as number) - (this.#freePages.get() as number)
    const { logBytes } = this.#files()
    return { db: pages * this.#pageBytes, wal: logBytes, blobs: this.#blobBytes }
  }

  /** A write has failed: what was seen within the last second is not true any more. */
  forget(): void {
    this.#looked = undefined
  }

  /** As it was within the last second. */
  space(): DiskSpace {
    return this.#files()
  }

  #files(): Files {
    const now = performance.now()
    if (this.#looked !== undefined && now - this.#looked.at < secondMs) return this.#looked
    this.#recount(now)
    const { bavail, blocks, bsize } = statfsSync(this.#dataDir)
    const logBytes = statSync(this.#logFile, { throwIfNoEntry: false })?.size ?? 0
    this.#looked = { at: now, freeBytes: bavail * bsize, totalBytes: blocks * bsize, logBytes }
    return this.#looked
  }

  #recount(now: number): void {
    if (now - this.#countedAt < recountMs) return
    this.#countedAt = now
    sizeOf(join(this.#dataDir, 'blobs')).then(
      bytes => {
        this.#blobBytes = bytes
      },
      // What cannot be read now is counted the next time.
      () => {}
    )
  }
}

/** Size of all files below `dir`, folder after folder; 0 where it is not there. */
async function sizeOf(dir: string): Promise<number> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => [])
  const files = entries.filter(entry => entry.isFile()).map(({ name }) => join(dir, name))
  // One that goes meanwhile takes nothing.
  const sizes = await Promise.all(
    files.map(file =>
      stat(file).then(
        ({ size }) => size,
        () => 0
      )
    )
  )
  let bytes = sizes.reduce((sum, size) => sum + size, 0)
  for (const entry of entries) if (entry.isDirectory()) bytes += await sizeOf(join(dir, entry.name))
  return bytes
}
