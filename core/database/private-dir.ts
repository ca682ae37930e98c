/** Keeps the data directory to its owner: requests, results and keys are in it. */
import { chmodSync, closeSync, mkdirSync, openSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'

const ownerOnly = 0o600
const ownerOnlyDir = 0o700
const forOthers = 0o077
const sticky = 0o1000

/** What SQLite would make as the umask has it; its other files take their modes from these. */
const databases = ['foreman.db', 'foreman.lock']
const files = [...databases, 'foreman.db-wal', 'foreman.db-shm', 'secret.key']
const directories = ['blobs']

/**
 * Makes the directory where it is not there, and the databases in it, with no rights for anybody else; takes such rights
 * away where they are. A directory of another user's, or one that all may write to, is left as it is.
 * @returns what the operator should know, a sentence each
 */
export function keepPrivate(dir: string): string[] {
  mkdirSync(dir, { recursive: true, mode: ownerOnlyDir })
  const stats = statSync(dir)
  const name = `the data directory '${dir}'`
  if (!isOurs(stats)) return [`${name} belongs to another user, who can read all that foreman keeps`]
  if ((stats.mode & sticky) !== 0)
    return [`${name} is shared by all users (${modeOf(stats)}): give foreman one of its own`]
  const notices = tighten(dir, stats, ownerOnlyDir, name)
  for (const file of databases) make(join(dir, file))
  for (const file of files) tightenIfThere(join(dir, file), ownerOnly)
  for (const directory of directories) tightenIfThere(join(dir, directory), ownerOnlyDir)
  return notices
}

function tighten(path: string, stats: Stats, mode: number, name: string): string[] {
  if ((stats.mode & forOthers) === 0) return []
  const was = `${name} was open to others (${modeOf(stats)})`
  try {
    chmodSync(path, mode)
    return [`${was}: it is for its owner alone now (0${mode.toString(8)})`]
  } catch (err) {
    // Some file systems have no modes.
    return [`${was} and stays so: ${(err as Error).message}`]
  }
}

function tightenIfThere(path: string, mode: number): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats !== undefined && isOurs(stats)) tighten(path, stats, mode, path)
}

// Never a file that is there: closing it would let go of the locks that this process has on it.
function make(path: string): void {
  try {
    closeSync(openSync(path, 'wx', ownerOnly))
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err
  }
}

function isOurs({ uid }: Stats): boolean {
  return process.getuid === undefined || uid === process.getuid()
}

function modeOf({ mode }: Stats): string {
  return `0${(mode & 0o7777).toString(8)}`
}
