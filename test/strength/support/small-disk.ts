/** A disk of a few megabytes that a test may fill: a tmpfs of its own. */
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { temporaryDir } from '../../helpers/foreman.ts'

/** A mounted disk. */
export interface SmallDisk {
  readonly dir: string
  /** Uses up what is left of it. */
  fill(): void
  /** Gives that back. */
  free(): void
}

const sizeBytes = 4 * 1024 * 1024
const blockBytes = 4096

/** Mounts one, gone when the test is over. @returns undefined where this user may not mount */
export function mountSmallDisk(t: TestContext): SmallDisk | undefined {
  const dir = temporaryDir(t)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', dir])
  if (mounted.status !== 0) return undefined
  // Lazily: what still has files open there is ended after this.
  t.after(() => spawnSync('umount', ['--lazy', dir]))
  const filler = join(dir, 'filler')
  return { dir, fill: () => fillUp(filler), free: () => rmSync(filler, { force: true }) }
}

function fillUp(file: string): void {
  const block = Buffer.alloc(blockBytes)
  for (;;) {
    try {
      writeFileSync(file, block, { flag: 'a' })
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'ENOSPC') return
      throw err
    }
  }
}

/**
 * Reads from the database in `dir`, until the test is over at the latest. As long as somebody does, the log behind what he
 * reads is not written over: whatever is committed from now on needs room of its own, whenever checkpoints come
 * (https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files). So it may fill the disk once more after that was
 * freed.
 * @returns what ends it
 */
export function keepLogGrowing(t: TestContext, dir: string): () => void {
  const db = new Database(join(dir, 'foreman.db'), { readonly: true })
  const stop = () => void db.close()
  t.after(stop)
  db.exec('BEGIN')
  db.prepare('SELECT count(*) FROM job').get()
  return stop
}
