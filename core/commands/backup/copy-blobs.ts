/** Copies the blobs that the rows of a copied database need, while a foreman may be removing some of them. */
import { constants } from 'node:fs'
import { chmod, copyFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import { blobNeed } from '../../jobs/blob-cleaner.ts'
import { blobIn, neededBlobs } from './stored-data.ts'

const ownerOnly = 0o600
const ownerOnlyDir = 0o700

/** Which blobs a copy has. */
export interface CopiedBlobs {
  readonly blobs: number
  readonly blobBytes: number
  /** Digests of those that rows need and that are gone from the data directory. */
  readonly lost: readonly string[]
}

/**
 * Copies into `to` what the rows of `copy` need. Rows whose blob was removed since they were copied, because their
 * last row went, are taken out of `copy`: it has then what `source` has now.
 * @throws what the disk throws
 */
export async function copyBlobs(
  from: string,
  to: string,
  copy: Database,
  source: Database
): Promise<CopiedBlobs> {
  const needed = neededBlobs(copy)
  if (needed.length === 0) return { blobs: 0, blobBytes: 0, lost: [] }
  const isNeededNow = blobNeed(source)
  const forget = copy.prepare('DELETE FROM artifact WHERE digest = ? AND body IS NULL')
  const lost: string[] = []
  let [blobs, blobBytes] = [0, 0]
  for (const { digest, sizeBytes } of needed) {
    if (await copyIfThere(blobIn(from, digest), blobIn(to, digest))) {
      blobs += 1
      blobBytes += sizeBytes
    } else if (isNeededNow(digest)) lost.push(digest)
    else forget.run(digest)
  }
  return { blobs, blobBytes, lost }
}

async function copyIfThere(from: string, to: string): Promise<boolean> {
  await mkdir(dirname(to), { recursive: true, mode: ownerOnlyDir })
  try {
    // A clone where the file system can make one.
    await copyFile(from, to, constants.COPYFILE_FICLONE)
    await chmod(to, ownerOnly)
    return true
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw err
  }
}
