/** Values that a schema allows, and the same with something broken in them. */

import type { TSchema } from 'typebox'
import fc from '../helpers/fast-check.ts'
import { hostileNames, hostileWords } from './hostile.ts'

/** The keywords that are read. */
interface Node {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Node[]
  readonly allOf?: readonly Node[]
  readonly properties?: Readonly<Record<string, Node>>
  readonly patternProperties?: Readonly<Record<string, Node>>
  readonly required?: readonly string[]
  readonly items?: Node
  readonly minItems?: number
  readonly maxItems?: number
  readonly pattern?: string
  readonly format?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
}

/** Values for members of a name, where the schema alone would never give a sensible one. */
export type Hints = Readonly<Record<string, fc.Arbitrary<unknown>>>

const mostItems = 4
const mostLength = 60
const yearMs = 365 * 86_400_000

/** What the schema allows, with members of known names as `hints` give them. */
export function allowedBy(schema: TSchema, hints: Hints): fc.Arbitrary<unknown> {
  return allowed(schema as Node, hints)
}

function allowed(node: Node, hints: Hints): fc.Arbitrary<unknown> {
  if (node.const !== undefined) return fc.constant(node.const)
  if (node.enum !== undefined) return fc.constantFrom(...node.enum)
  const choices = node.anyOf ?? node.allOf
  if (choices !== undefined) return fc.oneof(...choices.map(choice => allowed(choice, hints)))
  switch (node.type) {
    case 'object':
      return object(node, hints)
    case 'array':
      return fc.array(allowed(node.items ?? {}, hints), {
        minLength: node.minItems ?? 0,
        maxLength: Math.min(node.maxItems ?? mostItems, mostItems)
      })
    case 'string':
      return text(node)
    case 'integer':
    case 'number':
      return number(node)
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

function object(node: Node, hints: Hints): fc.Arbitrary<unknown> {
  const { properties = {}, patternProperties = {}, required = [] } = node
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, child]) => [name, hints[name] ?? allowed(child, hints)])
  )
  const named = fc.record(members, { requiredKeys: required.filter(name => name in members) })
  const patterns = Object.entries(patternProperties).map(([pattern, child]) =>
    fc.dictionary(matching(pattern), allowed(child, hints), { maxKeys: mostItems })
  )
  return fc.tuple(named, ...patterns).map(parts => Object.assign({}, ...(parts as object[])))
}

function text({ pattern, format, minLength = 0, maxLength = mostLength }: Node): fc.Arbitrary<string> {
  if (format === 'date-time') {
    const now = Date.now()
    return fc.integer({ min: now - yearMs, max: now + yearMs }).map(at => new Date(at).toISOString())
  }
  if (pattern !== undefined) return matching(pattern)
  return fc.string({ minLength, maxLength: Math.min(maxLength, minLength + mostLength), unit: 'grapheme' })
}

/** `[^]`, any character, is not among what fast-check reads. */
function matching(pattern: string): fc.Arbitrary<string> {
  return fc.stringMatching(new RegExp(pattern.replaceAll('[^]', '[a-zA-Z0-9_ .-]')))
}

function number({ type, minimum, maximum }: Node): fc.Arbitrary<number> {
  const [min, max] = [minimum ?? -1000, maximum ?? 1_000_000]
  if (type === 'number') return fc.double({ min, max, noNaN: true })
  return fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max))
}

/** One thing that goes wrong with a value: at which place, counted over all places, and what. */
interface Fault {
  readonly place: number
  readonly kind: 'replace' | 'remove' | 'rename'
  readonly value: unknown
  readonly name: string
}

const fault: fc.Arbitrary<Fault> = fc.record({
  place: fc.nat(),
  kind: fc.constantFrom('replace', 'replace', 'remove', 'rename'),
  value: fc.oneof(fc.constantFrom(...hostileWords), fc.jsonValue({ maxDepth: 1 })),
  name: fc.constantFrom(...hostileNames)
})

/** Values of `valid` with one to three faults in each. */
export function broken(valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(valid, fc.array(fault, { minLength: 1, maxLength: 3 }))
    .map(([value, faults]) => faults.reduce(applied, structuredClone(value)))
}

function applied(value: unknown, { place, kind, value: other, name }: Fault): unknown {
  const places = placesIn(value)
  const found = places[place % (places.length + 1)]
  if (found === undefined) return kind === 'remove' ? {} : other
  const [parent, key] = found
  const old = parent[key]
  delete parent[key]
  if (kind === 'replace') put(parent, key, other)
  if (kind === 'rename') put(parent, name, old)
  return value
}

/** As a member of its own, also where the name is `__proto__`. */
function put(parent: Parent, name: string, value: unknown): void {
  Object.defineProperty(parent, name, { value, enumerable: true, configurable: true, writable: true })
}

type Parent = Record<string, unknown>

function placesIn(value: unknown): [Parent, string][] {
  if (typeof value !== 'object' || value === null) return []
  const parent = value as Parent
  return Object.keys(parent).flatMap(key => [[parent, key] as [Parent, string], ...placesIn(parent[key])])
}
