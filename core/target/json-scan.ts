/**
 * Finds values in JSON text as Go's `encoding/json` decoder does, without building any of them.
 *
 * Ollama reads a request with `json.NewDecoder(body).Decode(…)`: the first value must be valid to its last byte,
 * what follows it is ignored. Offsets count bytes from the start of the text, so that a value can be replaced in it.
 */
import { BadRequestError } from '../errors.ts'
import { type JsonMember, JsonScanner, type JsonValue } from './json-scanner.ts'

export { type JsonKind, type JsonMember, JsonSyntaxError, type JsonValue, stringOf } from './json-scanner.ts'

/** More than any request has of members in an object, or of messages, tools and images. */
const mostEntries = 100_000

/** The first value of a text, and its members where it is an object. */
export interface JsonDocument extends JsonValue {
  members: JsonMember[]
}

/**
 * Checks the first value of a text and finds its members, in one pass.
 *
 * @throws {JsonSyntaxError} where Go's decoder would refuse the text, an empty one included
 * @throws {BadRequestError} for more members than fit in a list: 100 000
 */
export function scanDocument(json: Buffer): JsonDocument {
  const scanner = new JsonScanner(json, 0)
  scanner.skipSpace()
  const start = scanner.position
  const kind = scanner.kind()
  const members: JsonMember[] = []
  if (kind === 'object') scanner.object(1, member => add(members, member))
  else scanner.value(0)
  return { kind, start, end: scanner.position, members }
}

/** The members of an object that lies in a scanned text. @throws {BadRequestError} for more than 100 000 */
export function membersOf(json: Buffer, object: JsonValue): JsonMember[] {
  const members: JsonMember[] = []
  new JsonScanner(json, object.start).object(1, member => add(members, member))
  return members
}

/** The elements of an array that lies in a scanned text. @throws {BadRequestError} for more than 100 000 */
export function elementsOf(json: Buffer, array: JsonValue): JsonValue[] {
  const elements: JsonValue[] = []
  new JsonScanner(json, array.start).array(1, element => add(elements, element))
  return elements
}

/** 64 MB can be millions of them: the list alone would take gigabytes, and seconds. */
function add<Entry>(list: Entry[], entry: Entry): void {
  if (list.length === mostEntries)
    throw new BadRequestError(`the body has more than ${mostEntries} members or elements in one place`)
  list.push(entry)
}

/** Whether an array or object of a scanned text has nothing in it. */
export function isEmpty(json: Buffer, container: JsonValue): boolean {
  const scanner = new JsonScanner(json, container.start + 1)
  scanner.skipSpace()
  return scanner.position === container.end - 1
}

/** The number of a number value. Infinite where Go says that it does not fit a float64. */
export function numberOf(json: Buffer, value: JsonValue): number {
  return Number(json.toString('latin1', value.start, value.end))
}
