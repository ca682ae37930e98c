/**
 * Holds a configuration against a schema and tells every fault in plain words.
 *
 * Walks the objects itself and leaves single values to TypeBox: its own list of errors stops at eight and
 * says the same fault several times over.
 */
import { Value } from 'typebox/value'
import { type ConfigFault, keyPath } from './config-error.ts'
import { nearestKey } from './nearest-key.ts'

/** The parts of a JSON schema that are read here, and two words for its author. */
export interface SchemaNode {
  /** What to say is expected, where the other keywords cannot tell. */
  expected?: string
  /** The value is a secret: a fault does not show it. */
  writeOnly?: boolean
  type?: string
  properties?: Readonly<Record<string, SchemaNode>>
  patternProperties?: Readonly<Record<string, SchemaNode>>
  required?: readonly string[]
  anyOf?: readonly SchemaNode[]
  enum?: readonly unknown[]
  const?: unknown
  items?: SchemaNode
  default?: unknown
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  minLength?: number
}

/** A mapping of YAML as it arrives here: keys are text, values anything. */
export type Tree = Record<string, unknown>

/** True for a mapping, false for a list, a scalar or nothing. */
export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The schema of one key of an object, undefined where the object has no such key. */
export function childSchema(schema: SchemaNode | undefined, key: string): SchemaNode | undefined {
  if (schema?.properties && Object.hasOwn(schema.properties, key)) return schema.properties[key]
  return Object.values(schema?.patternProperties ?? {})[0]
}

/**
 * Every fault of `value`, in the order of its keys. Keys the schema does not name are faults, whatever the
 * schema says of additional properties. `keys` is the path of `value` itself.
 */
export function findFaults(node: SchemaNode, value: unknown, keys: readonly string[] = []): ConfigFault[] {
  const isObject = node.properties !== undefined || node.patternProperties !== undefined
  if (!isObject || !isTree(value)) {
    return Value.Check(node, value)
      ? []
      : [fault(keys, `expected ${expectation(node)}, found ${found(node, value)}`)]
  }
  const missing = (node.required ?? []).filter(key => !Object.hasOwn(value, key))
  const faults = missing.map(key =>
    fault([...keys, key], `expected ${expectation(node.properties![key]!)}, found nothing`)
  )
  for (const [key, child] of Object.entries(value)) {
    const known = childSchema(node, key)
    if (known === undefined) faults.push(fault([...keys, key], unknownKey(node, keys, key)))
    else faults.push(...findFaults(known, child, [...keys, key]))
  }
  return faults
}

function fault(keys: readonly string[], problem: string): ConfigFault {
  return { path: keyPath(keys), problem }
}

function unknownKey(node: SchemaNode, keys: readonly string[], key: string): string {
  const nearest = nearestKey(key, Object.keys(node.properties ?? {}))
  return nearest === undefined
    ? 'unknown key; no key is known here'
    : `unknown key; the nearest known one is ${keyPath([...keys, nearest])}`
}

/** What a schema asks for, in words: `a number greater than 0`. */
export function expectation(node: SchemaNode): string {
  if (node.expected !== undefined) return node.expected
  if (node.const !== undefined) return JSON.stringify(node.const)
  if (node.enum !== undefined) return `one of ${node.enum.join(', ')}`
  if (node.anyOf !== undefined) return node.anyOf.map(expectation).join(' or ')
  if (node.type === 'number' || node.type === 'integer') return number(node)
  if (node.type === 'array') return node.items ? `a list, each of it ${expectation(node.items)}` : 'a list'
  return NOUNS[node.type ?? ''] ?? 'another value'
}

const NOUNS: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  object: 'a map of keys',
  null: 'nothing'
}

function number(node: SchemaNode): string {
  const bounds = [
    node.minimum !== undefined && `at least ${node.minimum}`,
    node.exclusiveMinimum !== undefined && `greater than ${node.exclusiveMinimum}`,
    node.maximum !== undefined && `at most ${node.maximum}`,
    node.exclusiveMaximum !== undefined && `less than ${node.exclusiveMaximum}`
  ].filter(bound => bound !== false)
  return [node.type === 'integer' ? 'a whole number' : 'a number', bounds.join(' and ')].join(' ').trim()
}

/** What stands there, without the value where it may be a secret: faults end up in logs. */
function found(node: SchemaNode, value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (isTree(value)) return 'a map of keys'
  if (node.writeOnly) return `a ${typeof value} (not shown)`
  return typeof value === 'string' ? `the text ${JSON.stringify(value)}` : String(value)
}
