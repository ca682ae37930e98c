/** One range of bytes (RFC 9110 section 14). What is not one range in bytes is ignored, as that section allows. */

/** The first byte and the last. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

const single = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/i

/** @returns the range, cut at the end of the content; `all` without a usable one; `none` where no byte of it is there */
export function readRange(header: string | undefined, sizeBytes: number): ByteRange | 'all' | 'none' {
  const [, first = '', last = ''] = single.exec(header ?? '') ?? []
  if (first === '' && last === '') return 'all'
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes)
    return length === 0 ? 'none' : { start: sizeBytes - length, end: sizeBytes - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return 'all'
  if (start >= sizeBytes) return 'none'
  return { start, end: last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) }
}
