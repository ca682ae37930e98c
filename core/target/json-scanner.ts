/**
 * The grammar behind json-scan: RFC 8259 with Go's choices.
 *
 * Bytes below 0x20 are refused inside strings, invalid UTF-8 is not, and nesting beyond 10 000 is.
 * Source: Go, src/encoding/json/scanner.go.
 */

/** What a value is, by its first byte. */
export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'true' | 'false' | 'null'

/** One value of a text: where it starts and the offset after its last byte. */
export interface JsonValue {
  kind: JsonKind
  start: number
  end: number
}

/** One member of an object, in the order of the text; a name may come more than once. */
export interface JsonMember extends JsonValue {
  /** The name with its escapes resolved. */
  name: string
}

/** The text does not start with a valid JSON value. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError'
  /** Offset of the byte that does not fit; the length of the text where it ends too soon. */
  readonly offset: number

  constructor(offset: number) {
    super(`invalid JSON at byte ${offset}`)
    this.offset = offset
  }
}

/** Go's `maxNestingDepth`. */
const MAX_DEPTH = 10_000

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

const LITERALS: Readonly<Record<string, Buffer>> = {
  true: Buffer.from('true'),
  false: Buffer.from('false'),
  null: Buffer.from('null')
}

/** The text of a string value, as Go reads it: what is not Unicode becomes U+FFFD. */
export function stringOf(json: Buffer, value: { start: number; end: number }): string {
  const text = json.toString('utf8', value.start + 1, value.end - 1)
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string).toWellFormed() : text
}

/**
 * A place in a text. Every method starts at `position` and leaves it behind what it read.
 *
 * @throws {JsonSyntaxError} from every method that reads, at the first byte that does not fit
 */
export class JsonScanner {
  position: number
  readonly #bytes: Buffer

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes
    this.position = position
  }

  skipSpace(): void {
    for (;;) {
      const byte = this.#bytes[this.position]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return
      this.position += 1
    }
  }

  kind(): JsonKind {
    switch (this.#bytes[this.position]) {
      case OPEN_OBJECT:
        return 'object'
      case OPEN_ARRAY:
        return 'array'
      case QUOTE:
        return 'string'
      case 0x74:
        return 'true'
      case 0x66:
        return 'false'
      case 0x6e:
        return 'null'
      default:
        return 'number'
    }
  }

  /** An object and its members. `depth` counts it and the containers around it. */
  object(depth: number, onMember: (member: JsonMember) => void): void {
    this.#expect(OPEN_OBJECT)
    if (this.#closes(CLOSE_OBJECT)) return
    do {
      const name = this.#name()
      onMember({ name, ...this.#element(depth) })
    } while (this.#goesOn(CLOSE_OBJECT))
  }

  /** An array and its elements. `depth` counts it and the containers around it. */
  array(depth: number, onElement: (element: JsonValue) => void): void {
    this.#expect(OPEN_ARRAY)
    if (this.#closes(CLOSE_ARRAY)) return
    do {
      this.skipSpace()
      onElement(this.#element(depth))
    } while (this.#goesOn(CLOSE_ARRAY))
  }

  /** Any value inside of `depth` containers. Walks nested ones with a stack of its own: depth may be 10 000. */
  value(depth: number): void {
    const closers: number[] = []
    for (;;) {
      const kind = this.kind()
      if (kind === 'object' || kind === 'array') {
        if (depth + closers.length >= MAX_DEPTH) this.#fail()
        const closer = kind === 'object' ? CLOSE_OBJECT : CLOSE_ARRAY
        this.position += 1
        if (!this.#closes(closer)) {
          closers.push(closer)
          this.#startEntry(closer)
          continue
        }
      } else this.#scalar(kind)
      while (closers.length > 0 && !this.#goesOn(closers.at(-1)!)) closers.pop()
      if (closers.length === 0) return
      this.#startEntry(closers.at(-1)!)
    }
  }

  #startEntry(closer: number): void {
    this.skipSpace()
    if (closer === CLOSE_OBJECT) this.#name()
  }

  #element(depth: number): JsonValue {
    const start = this.position
    const kind = this.kind()
    this.value(depth)
    return { kind, start, end: this.position }
  }

  /** A member's name and its colon, up to the value. */
  #name(): string {
    this.skipSpace()
    const start = this.position
    this.#string()
    const name = stringOf(this.#bytes, { start, end: this.position })
    this.skipSpace()
    this.#expect(COLON)
    this.skipSpace()
    return name
  }

  /** After the opening bracket: whether the container is empty. */
  #closes(closer: number): boolean {
    this.skipSpace()
    if (this.#bytes[this.position] !== closer) return false
    this.position += 1
    return true
  }

  /** After an entry: a comma says that another follows, the closing bracket that none does. */
  #goesOn(closer: number): boolean {
    this.skipSpace()
    const byte = this.#bytes[this.position]
    if (byte !== COMMA && byte !== closer) this.#fail()
    this.position += 1
    return byte === COMMA
  }

  #scalar(kind: JsonKind): void {
    if (kind === 'string') this.#string()
    else if (kind === 'number') this.#number()
    else this.#literal(LITERALS[kind]!)
  }

  #literal(literal: Buffer): void {
    for (const byte of literal) this.#expect(byte)
  }

  #string(): void {
    this.#expect(QUOTE)
    const bytes = this.#bytes
    const length = bytes.length
    let position = this.position
    // The hot loop: images are megabytes of plain characters, so nothing but these three tests per byte.
    for (;;) {
      while (position < length) {
        const byte = bytes[position]!
        if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) break
        position += 1
      }
      this.position = position
      if (bytes[position] === QUOTE) break
      this.#expect(BACKSLASH)
      this.#escape()
      position = this.position
    }
    this.position = position + 1
  }

  #escape(): void {
    const byte = this.#bytes[this.position]
    if (byte === undefined || !ESCAPES.has(byte)) this.#fail()
    this.position += 1
    if (byte !== 0x75) return
    for (let digit = 0; digit < 4; digit++) {
      if (!isHex(this.#bytes[this.position])) this.#fail()
      this.position += 1
    }
  }

  #number(): void {
    if (this.#bytes[this.position] === MINUS) this.position += 1
    if (this.#bytes[this.position] === ZERO) this.position += 1
    else this.#digits()
    if (this.#bytes[this.position] === DOT) {
      this.position += 1
      this.#digits()
    }
    if ((this.#bytes[this.position]! | 0x20) !== 0x65) return
    this.position += 1
    const sign = this.#bytes[this.position]
    if (sign === MINUS || sign === 0x2b) this.position += 1
    this.#digits()
  }

  #digits(): void {
    if (!isDigit(this.#bytes[this.position])) this.#fail()
    while (isDigit(this.#bytes[this.position])) this.position += 1
  }

  #expect(byte: number): void {
    if (this.#bytes[this.position] !== byte) this.#fail()
    this.position += 1
  }

  #fail(): never {
    throw new JsonSyntaxError(this.position)
  }
}

/** What may follow a backslash: `"` `\` `/` b f n r t u. */
const ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrtu'))

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false
  const lower = byte | 0x20
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66)
}
