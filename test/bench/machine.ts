/** The facts of the machine that a figure means nothing without. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { arch, availableParallelism, cpus, loadavg, platform, release } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { median } from './figures.ts'

const writes = 100
const pageBytes = 4096

/** Where a run was measured. */
export interface Machine {
  readonly system: string
  readonly processor: string
  readonly cores: number
  readonly node: string
  readonly sqlite: string
  /** Median time of fdatasync after a write of 4 KiB, on the disk of the data directories, in ms. */
  readonly fsyncMs: number
  /** Load average of the last minute at the begin: what else ran. */
  readonly loadAverage: number
}

/** Looks; `dir` is on the disk that is measured. */
export function readMachine(dir: string): Machine {
  const db = new Database(':memory:')
  const sqlite = db.prepare('SELECT sqlite_version()').pluck().get() as string
  db.close()
  return {
    system: `${platform()} ${release()} ${arch()}`,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    sqlite,
    fsyncMs: timeFsync(join(dir, 'fsync')),
    loadAverage: loadavg()[0]!
  }
}

function timeFsync(path: string): number {
  const file = openSync(path, 'w')
  const page = Buffer.alloc(pageBytes, 1)
  const times = Array.from({ length: writes }, () => {
    writeSync(file, page)
    const beganAt = performance.now()
    fdatasyncSync(file)
    return performance.now() - beganAt
  })
  closeSync(file)
  rmSync(path)
  return median(times)
}
