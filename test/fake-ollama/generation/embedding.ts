/**
 * Embeddings that depend on nothing but the model's digest and the text.
 */
import { createHash } from 'node:crypto'

/** A vector of length 1; the same digest and text give the same one. */
export function embed(digest: string, text: string, length: number): number[] {
  const vector: number[] = []
  for (let block = 0; vector.length < length; block++) {
    const bytes = createHash('sha256').update(`${digest}\n${block}\n${text}`).digest()
    for (let at = 0; at < bytes.length && vector.length < length; at += 4) {
      vector.push(bytes.readInt32LE(at) / 2 ** 31)
    }
  }
  return normalize(vector)
}

/** The vector scaled to length 1, in single precision as Go computes it. */
export function normalize(vector: number[]): number[] {
  const norm = Math.hypot(...vector)
  return vector.map(value => shortest(Math.fround(value / norm)))
}

/** The number with the fewest digits that is the same float32: what Go prints of one. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits))
    if (Math.fround(candidate) === value) return candidate
  }
  return Number(value.toPrecision(9))
}
