/**
 * Reads JSON the way Go's `encoding/json` Decoder does.
 *
 * Keeps duplicate members in order, ignores whatever follows the first value and
 * words its complaints as Go does. Source: Go `encoding/json`, checked against Go 1.26.
 */

/** Nothing but white space was sent: Go's `io.EOF`. */
export class GoEofError extends Error {
  constructor() {
    super('EOF')
  }
}

/** A number with its source text, since Go decides by the text whether it fits an integer. */
export class GoNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** An object as its members in the order they were sent, duplicates included. */
export class GoObject {
  readonly members: [key: string, value: GoValue][] = []
}

/** Any JSON value before it is given a type. */
export type GoValue = string | boolean | null | GoNumber | GoObject | GoValue[]

type Container = GoObject | GoValue[]

const MAX_DEPTH = 10_000
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SPACE = /[ \t\r\n]*/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\x00-\x1f]/
const ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t'
}

/**
 * Parses the first JSON value of `text`.
 * @throws {GoEofError} when there is none; @throws {Error} with Go's wording when it is malformed.
 */
export function parseGoJson(text: string): GoValue {
  const parser = new Parser(text)
  parser.space()
  if (parser.at >= text.length) throw new GoEofError()
  return parser.value()
}

class Parser {
  readonly text: string
  at = 0

  constructor(text: string) {
    this.text = text
  }

  space(): void {
    const code = this.text.charCodeAt(this.at)
    if (code > 0x20) return
    SPACE.lastIndex = this.at
    SPACE.exec(this.text)
    this.at = SPACE.lastIndex
  }

  /** A value with all that is in it; containers are kept on a list, since they may nest 10 000 deep. */
  value(): GoValue {
    const open: Container[] = []
    for (;;) {
      this.space()
      const container = this.container(open.length)
      if (container !== undefined && this.entered(container)) {
        open.push(container)
        continue
      }
      let value: GoValue = container ?? this.scalar()
      for (;;) {
        const parent = open.at(-1)
        if (parent === undefined) return value
        if (this.added(parent, value)) break
        value = parent
        open.pop()
      }
    }
  }

  /** The empty container that begins here, if one does. */
  container(depth: number): Container | undefined {
    const char = this.text[this.at]
    if (char !== '{' && char !== '[') return undefined
    if (depth >= MAX_DEPTH) this.fail('exceeded max depth')
    this.at++
    return char === '{' ? new GoObject() : []
  }

  /** Moves to the first member; false when there is none. */
  entered(container: Container): boolean {
    this.space()
    if (this.take(container instanceof GoObject ? '}' : ']')) return false
    if (container instanceof GoObject) this.key(container)
    return true
  }

  /** Adds a member and moves to the next; false when that was the last. */
  added(parent: Container, value: GoValue): boolean {
    const isObject = parent instanceof GoObject
    if (isObject) parent.members.at(-1)![1] = value
    else parent.push(value)
    this.space()
    if (this.take(isObject ? '}' : ']')) return false
    if (!this.take(',')) this.fail(isObject ? 'after object key:value pair' : 'after array element')
    if (isObject) this.key(parent)
    return true
  }

  /** Reads a key up to behind its colon; its value comes later. */
  key(object: GoObject): void {
    this.space()
    if (this.text[this.at] !== '"') this.fail('looking for beginning of object key string')
    const key = this.string()
    this.space()
    if (!this.take(':')) this.fail('after object key')
    object.members.push([key, null])
  }

  scalar(): GoValue {
    const char = this.text[this.at]
    if (char === '"') return this.string()
    if (char === 't') return this.literal('true', true)
    if (char === 'f') return this.literal('false', false)
    if (char === 'n') return this.literal('null', null)
    if (char === '-' || (char !== undefined && char >= '0' && char <= '9')) return this.number()
    return this.fail('looking for beginning of value')
  }

  string(): string {
    const start = this.at + 1
    const quote = this.text.indexOf('"', start)
    const plain = this.text.slice(start, quote === -1 ? undefined : quote)
    if (quote !== -1 && !plain.includes('\\') && !CONTROL.test(plain)) {
      this.at = quote + 1
      return plain
    }
    this.at = start
    return this.escapedString()
  }

  escapedString(): string {
    let result = ''
    let from = this.at
    for (;;) {
      const char = this.text[this.at]
      if (char === undefined || char < ' ') this.fail('in string literal')
      if (char === '"' || char === '\\') {
        result += this.text.slice(from, this.at++)
        if (char === '"') return result
        result += this.escape()
        from = this.at
      } else this.at++
    }
  }

  escape(): string {
    const char = this.text[this.at] ?? ''
    const plain = ESCAPES[char]
    if (plain !== undefined) {
      this.at++
      return plain
    }
    if (char !== 'u') this.fail('in string escape code')
    this.at++
    const start = this.at
    for (let i = 0; i < 4; i++, this.at++) {
      if (!/[0-9a-fA-F]/.test(this.text[this.at] ?? '')) this.fail('in \\u hexadecimal character escape')
    }
    return String.fromCharCode(Number.parseInt(this.text.slice(start, this.at), 16))
  }

  number(): GoNumber {
    NUMBER.lastIndex = this.at
    const match = NUMBER.exec(this.text)?.[0]
    if (match === undefined) {
      this.at++
      this.fail('in numeric literal')
    }
    this.at += match.length
    const next = this.text[this.at]
    if (next === '.' && /^-?\d+$/.test(match)) {
      this.at++
      this.fail('after decimal point in numeric literal')
    }
    if ((next === 'e' || next === 'E') && !/[eE]/.test(match)) {
      this.at++
      if (/[+-]/.test(this.text[this.at] ?? '')) this.at++
      this.fail('in exponent of numeric literal')
    }
    return new GoNumber(match)
  }

  literal<T>(word: string, value: T): T {
    for (let i = 1; i < word.length; i++) {
      this.at++
      if (this.text[this.at] !== word[i]) this.fail(`in literal ${word} (expecting '${word[i]}')`)
    }
    this.at++
    return value
  }

  take(char: string): boolean {
    if (this.text[this.at] !== char) return false
    this.at++
    return true
  }

  fail(where: string): never {
    const char = this.text[this.at]
    if (char === undefined) throw new Error('unexpected EOF')
    throw new Error(`invalid character ${quoteChar(char)} ${where}`)
  }
}

/** A character as Go's `quoteChar` shows it: the first byte only, since its scanner works on bytes. */
function quoteChar(char: string): string {
  if (char === "'") return "'\\''"
  if (char === '"') return "'\"'"
  const byte = Buffer.from(char)[0] ?? 0
  const named: Record<number, string> = {
    7: 'a',
    8: 'b',
    9: 't',
    10: 'n',
    11: 'v',
    12: 'f',
    13: 'r',
    92: '\\'
  }
  if (named[byte] !== undefined) return `'\\${named[byte]}'`
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, '0')}'`
  if (byte >= 0x80 && byte < 0xa0) return `'\\u00${byte.toString(16)}'`
  return `'${String.fromCharCode(byte)}'`
}
