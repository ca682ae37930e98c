/** Reads from a streamed answer how long its pieces were on the way. */
import type { Answer } from './call.ts'

/** Times in ms. */
export interface StreamTimes {
  /** From the call to the first piece, one entry an answer. */
  readonly firstByteMs: number[]
  /**
   * From the target's stamp in a record to its arrival, one entry a record. The clocks are those of two processes,
   * so only differences between two ways to the same target say something.
   */
  readonly transitMs: number[]
  /** Chunks that are not exactly one record: boundaries that were moved on the way. */
  otherChunks: number
}

const newline = 0x0a
const stamp = /"created_at":"([^".]+)(\.\d+)?Z"/

/** The times of one answer. */
export function streamTimes({ sentAt, chunks }: Answer): StreamTimes {
  const times: StreamTimes = { firstByteMs: [], transitMs: [], otherChunks: 0 }
  if (chunks[0] !== undefined) times.firstByteMs.push(chunks[0].at - sentAt)
  for (const { at, bytes } of chunks) {
    if (bytes.indexOf(newline) !== bytes.length - 1) times.otherChunks += 1
    else times.transitMs.push(performance.timeOrigin + at - stampOf(bytes))
  }
  return times
}

/** The `created_at` of a record in ms since 1970, to the microsecond. */
function stampOf(record: Buffer): number {
  const [, second, fraction = '0'] = stamp.exec(record.toString()) ?? []
  return Date.parse(`${second}Z`) + Number(fraction) * 1000
}
