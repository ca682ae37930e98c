/** The data directory: is it there, whose is it, who may look into it, is there room, and has a foreman got it. */
import { accessSync, constants, existsSync, type Stats, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { DiskUse } from '../../database/disk-use.ts'
import { checkDisk } from '../../queue/caps.ts'
import { queueRules } from '../../queue/rules.ts'
import type { Settings } from '../../settings.ts'
import { examineFileSystem } from './file-system.ts'
import { amiss, type Finding, well } from './finding.ts'
import { isFault } from './report.ts'

const forOthers = 0o077
const sticky = 0o1000

/** What was seen of the directory. */
export interface SeenDir {
  readonly findings: readonly Finding[]
  /** It can be read and written, so that a look at the database makes sense. */
  readonly usable: boolean
  /** Whether a foreman holds it now; undefined where that cannot be seen. */
  readonly inUse: boolean | undefined
}

/** Looks at the directory itself. Writes nothing. */
export function examineDir(settings: Settings): SeenDir {
  const dir = settings.data_dir
  const stats = statOf(dir)
  if (stats === undefined) {
    const finding = absent(dir)
    return { findings: [finding], usable: false, inUse: isFault(finding) ? undefined : false }
  }
  const inUse = whyBarred(dir, stats) ?? isHeld(dir)
  if (typeof inUse === 'string') return { findings: [unusable(dir, inUse)], usable: false, inUse: undefined }
  const lock = inUse
    ? well('data.in_use', 'a foreman holds the data directory now')
    : well('data.free', 'no foreman holds the data directory now')
  const findings = [privacy(dir, stats), ...examineFileSystem(dir), room(settings), lock]
  return { findings, usable: true, inUse }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    // A file where a directory of the path should be: told as what it is not.
    return undefined
  }
}

function absent(dir: string): Finding {
  let parent = dirname(dir)
  while (!existsSync(parent)) parent = dirname(parent)
  const barred = whyBarred(parent, statSync(parent))
  if (barred !== undefined) return unusable(dir, `it is not there, and of ${parent}: ${barred}`)
  return well('data.absent', `${dir} is not there yet; a start makes it`)
}

function whyBarred(dir: string, stats: Stats): string | undefined {
  if (!stats.isDirectory()) return `${dir} is no directory`
  try {
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK)
    return undefined
  } catch (err) {
    return (err as Error).message
  }
}

function unusable(dir: string, why: string): Finding {
  const mend = 'make it writable for the user that runs foreman (and the doctor), or set data_dir'
  return amiss('data.unusable', `${dir} cannot be used: ${why}`, mend)
}

function privacy(dir: string, stats: Stats): Finding {
  const mode = `0${(stats.mode & 0o7777).toString(8)}`
  if (process.getuid !== undefined && stats.uid !== process.getuid()) {
    const seen = `${dir} belongs to user ${stats.uid}, you are ${process.getuid()}`
    return amiss(
      'data.other_owner',
      seen,
      'run the doctor as the user that runs foreman; else give that user the directory'
    )
  }
  if ((stats.mode & sticky) !== 0)
    return amiss(
      'data.open_to_others',
      `${dir} is shared by all users (${mode})`,
      'give foreman a directory of its own'
    )
  if ((stats.mode & forOthers) !== 0)
    return amiss(
      'data.open_to_others',
      `${dir} is open to others (${mode})`,
      `chmod 700 ${dir}; a start does so too`
    )
  return well('data.private', `${dir} is for its owner alone`)
}

function room(settings: Settings): Finding {
  const { caps } = queueRules(settings)
  // Of the disk alone: the database there is not opened for it.
  const nothing = new Database(':memory:')
  const disk = new DiskUse(nothing, settings.data_dir)
  try {
    checkDisk(disk, { ...caps, maxBytes: Number.POSITIVE_INFINITY })
    return well('data.room', `${(disk.space().freeBytes / 1e9).toFixed(1)} GB are free on the disk`)
  } catch (err) {
    const mend = 'durable jobs are refused (storage_low): make room, or lower queue.min_free_bytes'
    return amiss('data.disk_low', (err as Error).message, mend)
  } finally {
    nothing.close()
  }
}

/**
 * A reader is kept out by the lock of a foreman that runs, and keeps nobody out for longer than this read.
 * @returns why that cannot be seen, where it cannot
 */
function isHeld(dir: string): boolean | string {
  const file = join(dir, 'foreman.lock')
  if (!existsSync(file)) return false
  let lock: Database.Database | undefined
  try {
    lock = new Database(file, { readonly: true, timeout: 0 })
    lock.pragma('schema_version')
    return false
  } catch (err) {
    if (!(err instanceof Database.SqliteError)) throw err
    return err.code.startsWith('SQLITE_BUSY') || `${file}: ${err.message}`
  } finally {
    lock?.close()
  }
}
