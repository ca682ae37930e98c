/** A disk that becomes read-only in the middle of everything, as one with a broken sector does: ext4 in a file. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryDir } from '../../helpers/foreman.ts'

/** A mounted disk. */
export interface FailingDisk {
  readonly dir: string
  /** From now on nothing can be written, not even to files that are open. */
  fail(): void
  /** Checks it and mounts it anew, as an operator does. Nobody may have a file open on it. @throws where that fails */
  repair(): void
}

const sizeBytes = 64 * 1024 * 1024

/** Mounts one, gone when the test is over. @returns undefined where this user may not, or the system cannot */
export function mountFailingDisk(t: TestContext): FailingDisk | undefined {
  const image = join(temporaryDir(t), 'disk')
  const dir = temporaryDir(t)
  const made = run('truncate', '-s', String(sizeBytes), image) && run('mkfs.ext4', '-q', '-F', image)
  const mount = (file: string) => run('mount', '-o', 'loop,errors=remount-ro', file, dir)
  if (!made || !mount(image)) return undefined
  // Lazily: what still has files open there is ended after this.
  t.after(() => run('umount', '--lazy', dir))
  return {
    dir,
    fail: () => writeFileSync(join('/sys/fs/ext4', deviceOf(dir), 'trigger_fs_error'), 'a test'),
    // A copy of it: what was started in a mount namespace of its own meanwhile has this disk mounted too, broken as it is.
    repair: () => {
      const mended = `${image}-mended`
      const isMended = run('umount', dir) && run('cp', '--sparse=always', image, mended) && mend(mended)
      if (!isMended || !mount(mended)) throw new Error('the disk cannot be mended')
    }
  }
}

/** e2fsck exits with 1 where it has mended something. */
function mend(image: string): boolean {
  const { status } = spawnSync('e2fsck', ['-y', image])
  return status === 0 || status === 1
}

function deviceOf(dir: string): string {
  return basename(spawnSync('findmnt', ['-n', '-o', 'SOURCE', dir]).stdout.toString().trim())
}

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0
}
