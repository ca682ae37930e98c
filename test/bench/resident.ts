/** The memory that a process holds. */
import { readFileSync } from 'node:fs'

const kilobytesPerMegabyte = 1024

/** VmRSS of proc(5): Linux only. */
export function readResidentMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kilobytes) / kilobytesPerMegabyte
}
