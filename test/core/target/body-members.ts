/** Bodies of native requests as lists of members, and a slow reading of them by Go's rules. */
import fc from '../../helpers/fast-check.ts'

/** A member of an object: names may repeat. */
export type Member = readonly [name: string, value: unknown]

/** What the target makes of a body: fields by their folded names, and the map of options. */
export interface ReadBody {
  readonly fields: Readonly<Record<string, unknown>>
  readonly options: Readonly<Record<string, unknown>> | undefined
}

/** An object that keeps its repeated names until it is written. */
class Members {
  readonly list: readonly Member[]

  constructor(list: readonly Member[]) {
    this.list = list
  }
}

const optionValue = fc.oneof(fc.nat(1e5), fc.constant(null), fc.constantFrom<unknown>('4096', true, [1]))
const optionMembers = fc
  .array(fc.tuple(fc.constantFrom('num_ctx', 'num_ctx', 'NUM_CTX', 'seed', 'num_gpu'), optionValue), {
    maxLength: 4
  })
  .map(list => new Members(list))
const optionsName = fc.constantFrom('options', 'Options', 'OPTIONS', 'option\u017f')

/** Any order, case and repetition of `options`, between other members. */
export const bodyMembers: fc.Arbitrary<Member[]> = fc.array(
  fc.oneof(
    fc.tuple(optionsName, fc.oneof(optionMembers, optionMembers, fc.constant(null))),
    fc.tuple(fc.constantFrom('model', 'prompt'), fc.string()),
    fc.tuple(fc.constantFrom('x', 'option', 'num_ctx'), fc.jsonValue())
  ),
  { maxLength: 6 }
)

/** The text of a body. */
export function jsonOf(members: readonly Member[]): string {
  const write = ([name, value]: Member) =>
    `${JSON.stringify(name)}: ${value instanceof Members ? jsonOf(value.list) : textOf(value)}`
  return `{ ${members.map(write).join(' , ')} }`
}

/** JSON of a value. `JSON.stringify` writes 0 for -0, which `JSON.parse` tells from it. */
function textOf(value: unknown): string {
  if (Object.is(value, -0)) return '-0'
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}:${textOf(inner)}`)
  return `{${members.join()}}`
}

/** Reads a body, or its text, member by member. */
export function readAsGo(body: readonly Member[] | string): ReadBody {
  const fields: Record<string, unknown> = {}
  let options: Record<string, unknown> | undefined
  for (const [name, value] of typeof body === 'string' ? membersOf(body) : body) {
    if (name.replaceAll('\u017f', 's').toLowerCase() !== 'options') fields[name] = value
    else if (value === null) options = undefined
    else options = { ...options, ...Object.fromEntries((value as Members).list) }
  }
  return { fields, options }
}

/** Parses with repeated names kept: each is made another one first, by a mark that no test text has. */
function membersOf(text: string): Member[] {
  let names = 0
  // Every string in turn, so that none begins in the middle of another; those before a colon are names.
  const marked = text.replace(/("(?:[^"\\]|\\.)*)"(\s*:)?/g, (whole, open: string, colon?: string) =>
    colon === undefined ? whole : `${open}\\u0001${names++}"${colon}`
  )
  const unmarked = (name: string) => name.split('\u0001', 1)[0]!
  const members = (object: object) =>
    Object.entries(object).map(([name, value]): Member => [unmarked(name), value])
  const clean = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(clean)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(members(value).map(([name, inner]) => [name, clean(inner)]))
  }
  return members(JSON.parse(marked)).map(([name, value]): Member => {
    const isOptions = name.replaceAll('\u017f', 's').toLowerCase() === 'options' && value !== null
    return [name, isOptions ? new Members(members(value as object)) : clean(value)]
  })
}
