/** Schemas with a title are written once, among the components, and referred to from everywhere else. */
import type { Document } from './document.ts'

type Tree = Record<string, unknown>

/**
 * The document with its titled schemas moved.
 * @throws {Error} where two schemas that differ have the same title
 */
export function withComponents(document: Document): Document {
  const schemas = document.components.schemas!
  const texts = new Map<string, string>()
  const paths = moved(document.paths, (title, schema) => {
    const text = JSON.stringify(schema)
    if ((texts.get(title) ?? text) !== text) throw new Error(`two schemas have the title ${title}`)
    texts.set(title, text)
    schemas[title] = schema
  })
  return { ...document, paths: paths as Document['paths'] }
}

function moved(value: unknown, add: (title: string, schema: Tree) => void): unknown {
  if (Array.isArray(value)) return value.map(item => moved(item, add))
  if (typeof value !== 'object' || value === null) return value
  const tree = Object.fromEntries(Object.entries(value).map(([name, child]) => [name, moved(child, add)]))
  // A property may have the name `title`: then it is a schema, and no text.
  if (typeof tree.title !== 'string' || tree.type !== 'object') return tree
  add(tree.title, tree)
  return { $ref: `#/components/schemas/${tree.title}` }
}
