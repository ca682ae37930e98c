/** Byte streams as a network may cut them. */
import fc from '../helpers/fast-check.ts'

/** Sizes of pieces: many of one byte, so that characters are cut too. */
export const anySizes = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 100 })), {
  minLength: 1,
  maxLength: 50
})

/** `bytes` in pieces of these sizes, over and over; none is empty. */
export function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
    const end = Math.min(bytes.length, start + sizes[turn % sizes.length]!)
    pieces.push(bytes.subarray(start, end))
    start = end
  }
  return pieces
}
