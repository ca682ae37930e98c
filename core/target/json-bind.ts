/**
 * Puts scanned JSON values into fields as Go's `encoding/json` does into a struct.
 *
 * The rules that differ from `JSON.parse`: names match without regard to case, a repeated name is bound again over
 * what the earlier one left, and what `null` does depends on the type of the field.
 * Source: Go, src/encoding/json/decode.go and fold.go.
 */
import { isEmpty, JsonSyntaxError, type JsonValue, stringOf } from './json-scan.ts'

/** A value of the wrong type for its field: Ollama answers 400 with Go's words for it. */
export class JsonTypeError extends Error {
  override readonly name = 'JsonTypeError'

  constructor(value: JsonValue, wanted: string) {
    super(`${value.kind} at byte ${value.start} where ${wanted} is wanted`)
  }
}

/**
 * A body that cannot be used.
 *
 * `forward: true`: the target refuses it too, with 400 and words of its own; send it there to get them. `false`: it
 * is not certain what the target would make of it, so it must not be sent: answer 400 with `detail`.
 */
export interface MalformedBody {
  malformed: true
  forward: boolean
  detail: string
}

/** Runs a reader; what the target refuses to read becomes a MalformedBody. */
export function orMalformed<Body>(read: () => Body): Body | MalformedBody {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof JsonSyntaxError || error instanceof JsonTypeError)) throw error
    return { malformed: true, forward: true, detail: error.message }
  }
}

/** A name as Go compares it: without case, where the long s and the Kelvin sign are letters too. */
export function foldName(name: string): string {
  return name.replaceAll('\u017f', 's').toLowerCase()
}

/** A Go `string`: `null` leaves what was there. */
export function bindString(json: Buffer, value: JsonValue, earlier: string | undefined): string | undefined {
  if (value.kind === 'null') return earlier
  return stringOf(json, wanted(value, 'string'))
}

/** A Go `bool`: `null` leaves what was there. */
export function bindBoolean(value: JsonValue, earlier: boolean | undefined): boolean | undefined {
  return value.kind === 'null' ? earlier : bindOptionalBoolean(value)
}

/** A Go `*bool`: `null` unsets it. */
export function bindOptionalBoolean(value: JsonValue): boolean | undefined {
  if (value.kind === 'null') return undefined
  if (value.kind !== 'true' && value.kind !== 'false') throw new JsonTypeError(value, 'a boolean')
  return value.kind === 'true'
}

/** Whether a Go `string` is empty after this value; the text itself is not read. */
export function bindIsEmptyString(value: JsonValue, earlier: boolean): boolean {
  if (value.kind === 'null') return earlier
  wanted(value, 'string')
  return value.end - value.start === 2
}

/** Whether a Go slice is empty after this value. */
export function bindIsEmptyArray(json: Buffer, value: JsonValue): boolean {
  return value.kind === 'null' || isEmpty(json, wanted(value, 'array'))
}

function wanted(value: JsonValue, kind: JsonValue['kind']): JsonValue {
  if (value.kind !== kind) throw new JsonTypeError(value, kind)
  return value
}
