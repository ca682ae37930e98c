/**
 * Fills in what a configuration leaves out.
 *
 * TypeBox's own `Value.Default` passes over a schema that TypeBox did not make, without a word. Plugins may bring
 * plain JSON schemas, so the few forms a configuration needs are read here.
 */
import { childSchema, isTree, type SchemaNode } from './check.ts'

/**
 * A copy of `value` in which every absent key has the `default` of its schema, at every depth, inside defaults too.
 * Alternatives (`anyOf`) are left as they are.
 */
export function withDefaults(node: SchemaNode | undefined, value: unknown): unknown {
  const given = value === undefined ? structuredClone(node?.default) : value
  if (Array.isArray(given)) return given.map(item => withDefaults(node?.items, item))
  if (!isTree(given)) return given
  const keys = new Set([...Object.keys(given), ...Object.keys(node?.properties ?? {})])
  const filled = [...keys].map(key => [key, withDefaults(childSchema(node, key), given[key])] as const)
  return Object.fromEntries(filled.filter(([, child]) => child !== undefined))
}
