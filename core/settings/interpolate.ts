/**
 * `${NAME}` and `${NAME:-default}` in the values of a configuration.
 *
 * Works on values that are already parsed, so a variable can hold any sign without breaking the YAML.
 * `:-` takes the default where the variable is unset or empty, as a POSIX shell does; `$${` stands for `${`.
 * A value that comes out empty counts as not given, so `${NAME:-}` is a key that may stay unset.
 */
import { childSchema, isTree, type SchemaNode } from './check.ts'
import { type ConfigFault, keyPath } from './config-error.ts'

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g
const NAME_AND_DEFAULT = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/

/**
 * A copy of `value` with its references filled in. A filled-in value takes the type its key has in `schema`.
 * A value that comes out empty is left out; so is one that cannot be filled in, which is told in `faults`.
 */
export function interpolate(
  value: unknown,
  schema: SchemaNode | undefined,
  env: Environment,
  faults: ConfigFault[],
  keys: readonly string[] = []
): unknown {
  if (typeof value === 'string') return value.includes('${') ? fill(value, schema, env, faults, keys) : value
  if (Array.isArray(value)) {
    const items = value.map((item, at) =>
      interpolate(item, schema?.items, env, faults, [...keys, String(at)])
    )
    return items.filter(item => item !== undefined)
  }
  if (!isTree(value)) return value
  const filled = Object.entries(value).map(([key, child]) => {
    return [key, interpolate(child, childSchema(schema, key), env, faults, [...keys, key])] as const
  })
  return Object.fromEntries(filled.filter(([, child]) => child !== undefined))
}

function fill(
  text: string,
  schema: SchemaNode | undefined,
  env: Environment,
  faults: ConfigFault[],
  keys: readonly string[]
): unknown {
  const before = faults.length
  const refuse = (problem: string) => {
    faults.push({ path: keyPath(keys), problem })
    return ''
  }
  const filled = text.replace(REFERENCE, (reference, inner?: string) => {
    if (inner === undefined) return '${'
    const [, name, fallback] = reference.endsWith('}') ? (NAME_AND_DEFAULT.exec(inner) ?? []) : []
    if (name === undefined)
      return refuse(`expected \${NAME} or \${NAME:-default}, found ${JSON.stringify(reference)}`)
    const value = env[name]
    if (fallback !== undefined) return value || fallback
    return (
      value ?? refuse(`the environment variable ${name} is not set, and there is no default (\${${name}:-…})`)
    )
  })
  return faults.length > before || filled === '' ? undefined : typeText(filled, schema)
}

/** Reads text as the number or the boolean its schema asks for; text that is neither stays text. */
export function typeText(text: string, schema: SchemaNode | undefined): unknown {
  const types = (schema?.anyOf ?? [schema]).map(node => node?.type)
  const isNumber = types.includes('number') || types.includes('integer')
  if (isNumber && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim())) return Number(text)
  if (types.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  return text
}
