/**
 * Blobs: the bytes of larger artifacts, in files named by their SHA-256.
 *
 *     blobs/<first 2 hex digits>/<64 hex digits>   complete and flushed, never changed
 *     blobs/incoming/                              what is being written
 *
 * A file is there before the first row that points to it, and goes after the last: rows decide. Between the two steps
 * the bytes are held, so that the one who takes a row away does not take the file from under one who adds another.
 */
import { createHash, randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { access, type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { StoredBlob } from './artifact.ts'

const ownerOnly = 0o600
const ownerOnlyDir = 0o700
const prefixPattern = /^[0-9a-f]{2}$/
const digestPattern = /^[0-9a-f]{64}$/

/** The files of one directory. Only one process may have it. */
export class Blobs {
  readonly #dir: string
  readonly #incoming: string
  readonly #isNeeded: (digest: string) => boolean
  /** How many writers count on the file of a digest. */
  readonly #held = new Map<string, number>()
  readonly #removing = new Map<string, Promise<void>>()
  /** Directories that are there and flushed. */
  readonly #made = new Map<string, Promise<void>>()

  /** What a dead process was writing is thrown away. @param isNeeded whether any row points to a digest */
  constructor(dir: string, isNeeded: (digest: string) => boolean) {
    this.#dir = dir
    this.#incoming = join(dir, 'incoming')
    this.#isNeeded = isNeeded
    rmSync(this.#incoming, { recursive: true, force: true })
  }

  /**
   * Writes bytes as they come, in constant memory. When they are on the disk `record` is called: the row must be there
   * when it returns. A file that is there already is kept. Without a row nothing of it stays.
   * @throws what the source, the disk or `record` throws
   */
  async write<T>(
    source: Iterable<Buffer> | AsyncIterable<Buffer>,
    record: (blob: StoredBlob) => T
  ): Promise<T> {
    await this.#make(this.#incoming)
    const temporary = join(this.#incoming, randomUUID())
    try {
      const blob = await fill(temporary, source)
      return await this.#holding(blob.digest, async () => {
        await this.#place(temporary, blob.digest)
        return record(blob)
      })
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** Opens a blob for reading. @throws ENOENT where it has gone */
  open(digest: string): Promise<FileHandle> {
    return open(this.#path(digest), 'r')
  }

  /** Removes the file of a digest that no row points to and nobody is about to. */
  async removeUnneeded(digest: string): Promise<void> {
    if (this.#removing.has(digest)) return this.#removing.get(digest)
    if (this.#held.has(digest) || this.#isNeeded(digest)) return
    const removing = rm(this.#path(digest), { force: true }).finally(() => this.#removing.delete(digest))
    this.#removing.set(digest, removing)
    await removing
  }

  /** Removes files that no row points to and that were written before this time (ms since 1970): a crash leaves them. */
  async removeOrphans(writtenBefore: number, stop: AbortSignal): Promise<void> {
    for (const prefix of await entriesOf(this.#dir, prefixPattern)) {
      for (const digest of await entriesOf(join(this.#dir, prefix), digestPattern)) {
        if (stop.aborted) return
        if (!this.#isNeeded(digest) && (await writtenAt(this.#path(digest))) < writtenBefore) {
          await this.removeUnneeded(digest)
        }
      }
    }
  }

  async #holding<T>(digest: string, work: () => Promise<T>): Promise<T> {
    this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1)
    try {
      await this.#removing.get(digest)
      return await work()
    } finally {
      const left = this.#held.get(digest)! - 1
      if (left === 0) this.#held.delete(digest)
      else this.#held.set(digest, left)
      await this.removeUnneeded(digest)
    }
  }

  async #place(temporary: string, digest: string): Promise<void> {
    const path = this.#path(digest)
    await this.#make(dirname(path))
    if (!(await exists(path))) await rename(temporary, path)
    // Also where it was there: another may have renamed it and not flushed the directory yet.
    await flush(dirname(path))
  }

  #make(dir: string): Promise<void> {
    const made = this.#made.get(dir) ?? makeDir(dir)
    this.#made.set(dir, made)
    made.catch(() => this.#made.delete(dir))
    return made
  }

  #path(digest: string): string {
    return join(this.#dir, digest.slice(0, 2), digest)
  }
}

async function fill(path: string, source: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<StoredBlob> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      hash.update(chunk)
      sizeBytes += chunk.length
      yield chunk
    }
  }
  const file = await open(path, 'wx', ownerOnly)
  try {
    await file.writeFile(counted())
    await file.sync()
  } finally {
    await file.close()
  }
  return { digest: hash.digest('hex'), sizeBytes }
}

async function makeDir(dir: string): Promise<void> {
  // One level after the other: on a read-only disk a recursive mkdir fails with ENOENT, which tells nobody anything.
  for (const level of [dirname(dir), dir]) {
    try {
      await mkdir(level, ownerOnlyDir)
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err
    }
    await flush(dirname(level))
  }
}

/** A new name is on the disk when its directory is: see fsync(2). */
async function flush(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function entriesOf(dir: string, pattern: RegExp): Promise<string[]> {
  try {
    return (await readdir(dir)).filter(name => pattern.test(name))
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw err
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

/** Never, for one that has gone meanwhile. */
async function writtenAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
