/**
 * Gives a parsed JSON value a type the way Go's `json.Unmarshal` fills a struct.
 *
 * Keys match case-insensitively, the last duplicate wins, `null` leaves a plain field as it
 * was, unknown keys are ignored, and the first mismatch is reported after the rest was read.
 * Source: Go `encoding/json`, checked against Go 1.26.
 */
import { GoNumber, GoObject, type GoValue } from './json-parse.ts'

/** How one Go type is read. `type` is Go's name of it, used in complaints. */
export interface Decoder<T> {
  readonly type: string
  readonly zero: T
  read(value: GoValue, previous: T, place: Place): T
}

/** The type a decoder yields. */
export type Decoded<D> = D extends Decoder<infer T> ? T : never

/** Where in the request a value stands, and the first complaint of the whole request. */
export class Place {
  readonly path: string
  readonly struct: string
  readonly errors: Error[]
  readonly #pinned: boolean

  constructor(struct = '', path = '', errors: Error[] = [], pinned = false) {
    this.struct = struct
    this.path = path
    this.errors = errors
    this.#pinned = pinned
  }

  /** The same place inside a type with an `UnmarshalJSON` of its own: complaints keep naming the outer struct. */
  pinned(): Place {
    return new Place(this.struct, this.path, this.errors, true)
  }

  mismatch(value: GoValue, type: string, number = ''): void {
    const where = this.path === '' ? 'value' : `struct field ${this.struct}.${this.path}`
    const shown = number === '' ? kindOf(value) : `number ${number}`
    this.errors.push(new Error(`json: cannot unmarshal ${shown} into Go ${where} of type ${type}`))
  }

  in(struct: string, key: string): Place {
    const path = this.path === '' ? key : `${this.path}.${key}`
    return new Place(this.#pinned ? this.struct : struct, path, this.errors, this.#pinned)
  }
}

/** Reads `value` as `decoder` says. @throws {Error} with the first complaint, worded as Go words it. */
export function decodeGo<T>(decoder: Decoder<T>, value: GoValue): T {
  const place = new Place()
  const result = decoder.read(value, decoder.zero, place)
  if (place.errors[0] !== undefined) throw place.errors[0]
  return result
}

/** The JSON kind of a value, in the word Go's complaints have for it. */
export function kindOf(value: GoValue): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (value instanceof GoObject) return 'object'
  if (value instanceof GoNumber) return 'number'
  return typeof value === 'boolean' ? 'bool' : 'string'
}

function scalar<T extends string | boolean>(type: string, kind: string, zero: T): Decoder<T> {
  return {
    type,
    zero,
    read(value, previous, place) {
      if (value === null) return previous
      if (kindOf(value) === kind) return value as T
      place.mismatch(value, type)
      return previous
    }
  }
}

/** Go `string`; absent is `""`. */
export const string = scalar<string>('string', 'string', '')
/** Go `bool`; absent is `false`. */
export const bool = scalar<boolean>('bool', 'bool', false)

function numeric(type: string, fits: (text: string) => boolean): Decoder<number> {
  return {
    type,
    zero: 0,
    read(value, previous, place) {
      if (value === null) return previous
      if (!(value instanceof GoNumber)) place.mismatch(value, type)
      else if (!fits(value.text)) place.mismatch(value, type, value.text)
      else return Number(value.text)
      return previous
    }
  }
}

/** Go `int`: no fraction, no exponent, 64 bits; absent is 0. */
export const int = numeric('int', text => /^-?\d+$/.test(text) && Math.abs(Number(text)) < 2 ** 63)
/** Go `float64`; absent is 0. */
export const float64 = numeric('float64', text => Number.isFinite(Number(text)))
/** Go `float32`; absent is 0. */
export const float32 = numeric('float32', text => Math.abs(Number(text)) <= 3.4028235677973366e38)

/** A Go pointer: absent or `null` is `undefined`. */
export function pointer<T>(inner: Decoder<T>): Decoder<T | undefined> {
  return {
    type: inner.type,
    zero: undefined,
    read: (value, previous, place) =>
      value === null ? undefined : inner.read(value, previous ?? inner.zero, place)
  }
}

/** A Go slice: absent or `null` is `undefined`. */
export function list<T>(inner: Decoder<T>): Decoder<T[] | undefined> {
  const type = `[]${inner.type}`
  return {
    type,
    zero: undefined,
    read(value, previous, place) {
      if (value === null) return undefined
      if (Array.isArray(value)) return value.map(item => inner.read(item, inner.zero, place))
      place.mismatch(value, type)
      return previous
    }
  }
}

/** A Go map with string keys, exact case; a repeated field adds to it. Absent or `null` is `undefined`. */
export function map<T>(inner: Decoder<T>): Decoder<Record<string, T> | undefined> {
  const type = `map[string]${inner.type}`
  return {
    type,
    zero: undefined,
    read(value, previous, place) {
      if (value === null) return undefined
      if (!(value instanceof GoObject)) {
        place.mismatch(value, type)
        return previous
      }
      const result: Record<string, T> = Object.assign(Object.create(null), previous)
      for (const [key, member] of value.members) result[key] = inner.read(member, inner.zero, place)
      return result
    }
  }
}

/** Go `interface{}`: the value as plain JavaScript. Absent or `null` is `undefined`. */
export const any: Decoder<unknown> = {
  type: 'interface {}',
  zero: undefined,
  read: value => toPlain(value) ?? undefined
}

/** A type with an `UnmarshalJSON` of its own: `parse` throws what that would return. */
export function custom<T>(type: string, zero: T, parse: (value: GoValue) => T): Decoder<T> {
  return {
    type,
    zero,
    read(value, previous, place) {
      try {
        return parse(value)
      } catch (error) {
        place.errors.push(error as Error)
        return previous
      }
    }
  }
}

type Fields = Record<string, Decoder<unknown>>
type Struct<F extends Fields> = { [K in keyof F]: Decoded<F[K]> }

/** A Go struct. `name` is its type without the package, `pkg` the package shown for a mismatch of the whole. */
export function struct<F extends Fields>(name: string, fields: F, pkg = 'api'): Decoder<Struct<F>> {
  const folded = new Map(Object.keys(fields).map(key => [fold(key), key]))
  const zero = Object.fromEntries(
    Object.entries(fields).map(([key, field]) => [key, field.zero])
  ) as Struct<F>
  const type = `${pkg}.${name}`
  return {
    type,
    zero,
    read(value, previous, place) {
      if (value === null) return previous
      if (!(value instanceof GoObject)) {
        place.mismatch(value, type)
        return previous
      }
      const result: Record<string, unknown> = { ...previous }
      for (const [sent, member] of value.members) {
        const key = Object.hasOwn(fields, sent) ? sent : folded.get(fold(sent))
        if (key !== undefined) result[key] = fields[key]!.read(member, result[key], place.in(name, key))
      }
      return result as Struct<F>
    }
  }
}

/** Folds case as Go does for ASCII keys: the long s and the Kelvin sign count as `s` and `k`. */
function fold(key: string): string {
  return key.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase()
}

/** The Go type that a plain value has behind an `interface{}`, as `%T` prints it. */
export function goTypeOf(value: unknown): string {
  if (value === undefined || value === null) return '<nil>'
  if (Array.isArray(value)) return '[]interface {}'
  const names: Record<string, string> = { number: 'float64', string: 'string', boolean: 'bool' }
  return names[typeof value] ?? 'map[string]interface {}'
}

/** A parsed value as plain JavaScript, later duplicates winning. */
export function toPlain(value: GoValue): unknown {
  if (value instanceof GoNumber) return Number(value.text)
  if (Array.isArray(value)) return value.map(toPlain)
  if (!(value instanceof GoObject)) return value
  return Object.fromEntries(value.members.map(([key, member]) => [key, toPlain(member)]))
}
