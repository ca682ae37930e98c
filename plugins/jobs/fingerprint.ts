/**
 * The fingerprint of a JSON body: equal for texts that differ in nothing but white space, the order of members and
 * escapes in strings. Numbers count as they are written, so that none is rounded. A text of more than 50 000 values is
 * not taken apart: that would hold everybody else up for too long.
 */
import { createHash } from 'node:crypto'
import { stringOf } from '../../core/target/json-scan.ts'
import { JsonScanner } from '../../core/target/json-scanner.ts'

const mostValues = 50_000

/** A container that is open: what stands in it so far, in an object name and value in turn. */
interface Frame {
  readonly isObject: boolean
  readonly parts: string[]
}

const openObject = 0x7b
const openArray = 0x5b
const closeObject = 0x7d
const closeArray = 0x5d
const comma = 0x2c
const colon = 0x3a

/**
 * SHA-256 over the canonical form of a text that was scanned before, or over all its bytes where it has very many
 * values. Each container counts by its own hash, with a stack of its own.
 */
export function fingerprintOf(json: Buffer): Buffer {
  return canonicalHash(json) ?? createHash('sha256').update(json).digest()
}

function canonicalHash(json: Buffer): Buffer | undefined {
  let values = 0
  const scanner = new JsonScanner(json, 0)
  const root: Frame = { isObject: false, parts: [] }
  const frames = [root]
  for (scanner.skipSpace(); scanner.position < json.length; scanner.skipSpace()) {
    const byte = json[scanner.position]!
    const frame = frames.at(-1)!
    if (byte !== comma && byte !== colon && ++values > mostValues) return undefined
    if (byte === openObject || byte === openArray) frames.push({ isObject: byte === openObject, parts: [] })
    else if (byte === closeObject || byte === closeArray) closeInto(frames)
    else if (byte !== comma && byte !== colon) {
      frame.parts.push(scalarAt(json, scanner))
      continue
    }
    scanner.position += 1
  }
  return hashOf(root)
}

// The mark keeps a hash apart from every scalar.
function closeInto(frames: Frame[]): void {
  const closed = frames.pop()!
  frames.at(-1)!.parts.push(`#${hashOf(closed).toString('hex')}`)
}

function scalarAt(json: Buffer, scanner: JsonScanner): string {
  const start = scanner.position
  const kind = scanner.kind()
  scanner.value(0)
  const value = { start, end: scanner.position }
  return kind === 'string' ? JSON.stringify(stringOf(json, value)) : json.toString('latin1', start, value.end)
}

function hashOf({ isObject, parts }: Frame): Buffer {
  const text = isObject ? `{${members(parts).join(',')}}` : `[${parts.join(',')}]`
  return createHash('sha256').update(text).digest()
}

/** Sorted by name; those of one name stay in their order, since the last of them holds. */
function members(parts: readonly string[]): string[] {
  const pairs = Array.from(
    { length: parts.length / 2 },
    (_, n) => [parts[2 * n]!, parts[2 * n + 1]!] as const
  )
  return pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([name, value]) => `${name}:${value}`)
}
