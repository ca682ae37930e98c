/** compose.yaml and what overlays it, read for tests: no engine is needed. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import { parse } from 'yaml'

/** The checkout. */
export const root = resolve(import.meta.dirname, '../..')

/** A service, as far as tests look at it. */
export interface Service {
  readonly image?: string
  readonly build?: unknown
  readonly ports?: readonly string[]
  readonly networks?: readonly string[] | Readonly<Record<string, NetworkUse | null>>
  readonly volumes?: readonly string[]
  readonly secrets?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly [key: string]: unknown
}

/** How a service is on a network. */
export interface NetworkUse {
  readonly aliases?: readonly string[]
}

/** The networks that a service is on; `default` where it names none. */
export function networksOf({ networks = ['default'] }: Service): string[] {
  return Array.isArray(networks) ? [...networks] : Object.keys(networks)
}

/** A compose file. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>
  readonly networks?: Readonly<Record<string, unknown>>
  readonly volumes?: Readonly<Record<string, unknown>>
  readonly secrets?: Readonly<Record<string, { readonly file: string }>>
}

/** The text of a file of the checkout. */
export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** A compose file of the checkout, with its `<<` filled in. */
export const readCompose = (path: string): ComposeFile => parse(read(path), { merge: true })

/** Holds a compose file against the schema of the Compose Specification. */
export function composeValidator(): ValidateFunction {
  // Out of a linter that does not export it. Its draft's address is one that ajv does not know.
  const { $id, $schema, ...schema } = JSON.parse(read('node_modules/dclint/schemas/compose.schema.json'))
  return new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema)
}

/** What a text is where no variable is set: each `${NAME:-default}` is its default. */
export function withDefaults(text: string): string {
  return text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
}

/** Names of the variables that a text reads. */
export function variablesOf(text: string): string[] {
  return [...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name!)
}
