/**
 * Reads the body of `POST /jobs` without building the native request in it: that is cut out of the bytes, so that
 * large numbers and repeated names come to the target as they were sent.
 */
import { MalformedJsonError } from '../../core/errors.ts'
import { checkDepth } from '../../core/json-depth.ts'
import {
  type JsonDocument,
  type JsonMember,
  JsonSyntaxError,
  scanDocument
} from '../../core/target/json-scan.ts'
import { faultAt } from './errors.ts'
import { ownFields } from './schemas.ts'

/** The native request in a body. */
export interface NativeRequest {
  /** Its bytes, as they go to the target. */
  readonly bytes: Buffer
  /** JSON pointer to it: `/request`, or nothing in the short form. */
  readonly pointer: '' | '/request'
  /** The whole body it came in, without its idempotency key. */
  readonly whole: Buffer
}

const keyField = 'idempotency_key'
/** Several times what the largest of the fields may be, however it is escaped. */
const mostOwnBytes = 256 * 1024
const open = Buffer.from('{')
const comma = Buffer.from(',')
const close = Buffer.from('}')

/**
 * Foreman's own fields as parsed values, and `request` as a {@link NativeRequest}; a member `request` tells the long
 * form. The values are not checked yet.
 * @param depth how deep the fields may be nested, the body itself included
 * @throws {MalformedJsonError}; {ValidationFailedError} where the body is no object, gives a field twice, or one that
 * is too deep or too long
 */
export function readCreateBody(json: Buffer, depth: number): Record<string, unknown> {
  const document = scan(json)
  if (document.kind !== 'object') throw faultAt('', 'must be an object')
  const own = document.members.filter(({ name }) => ownFields.has(name))
  const fields = new Map(own.map(member => [member.name, member]))
  const twice = own.find(member => fields.get(member.name) !== member)
  if (twice !== undefined) throw faultAt(`/${twice.name}`, 'is given twice')
  const long = fields.get('request')
  const others = long === undefined ? own : document.members.filter(member => member !== long)
  // From entries, so that no name means more than itself: `__proto__` is a member like others.
  const parsed = others.map(member => [member.name, ownValue(json, member, depth)] as const)
  const whole = fields.has(keyField) ? without(json, document, new Set([keyField])) : json
  const request = long === undefined ? shortForm(json, document, own.length) : longForm(json, long)
  return Object.fromEntries([...parsed, ['request', request && { ...request, whole }]])
}

function scan(json: Buffer): JsonDocument {
  if (json.length === 0) throw new MalformedJsonError('it is empty')
  try {
    const document = scanDocument(json)
    if (/[^ \t\r\n]/.test(json.toString('latin1', document.end))) throw new JsonSyntaxError(document.end)
    return document
  } catch (err) {
    if (err instanceof JsonSyntaxError) throw new MalformedJsonError(err.message, { cause: err })
    throw err
  }
}

/** Of a field that is not known the name is enough: it is refused by that. */
function ownValue(json: Buffer, { name, start, end }: JsonMember, depth: number): unknown {
  if (!ownFields.has(name)) return true
  const value = json.subarray(start, end)
  if (value.length > mostOwnBytes) throw faultAt(`/${name}`, `is longer than ${mostOwnBytes} bytes`)
  checkDepth(value, depth, `/${name}`, 1)
  return JSON.parse(value.toString())
}

/** Anything but an object is left to the schema. */
function longForm(json: Buffer, member: JsonMember): Omit<NativeRequest, 'whole'> | undefined {
  if (member.kind !== 'object') return undefined
  return { bytes: json.subarray(member.start, member.end), pointer: '/request' }
}

function shortForm(json: Buffer, document: JsonDocument, ownCount: number): Omit<NativeRequest, 'whole'> {
  const bytes =
    ownCount === 0 ? json.subarray(document.start, document.end) : without(json, document, ownFields)
  return { bytes, pointer: '' }
}

function without(json: Buffer, { members }: JsonDocument, names: ReadonlySet<string>): Buffer {
  const kept = members.filter(({ name }) => !names.has(name))
  const pieces = kept.flatMap(({ name, start, end }, index) => [
    index === 0 ? open : comma,
    Buffer.from(`${JSON.stringify(name)}:`),
    json.subarray(start, end)
  ])
  return Buffer.concat(kept.length === 0 ? [open, close] : [...pieces, close])
}
