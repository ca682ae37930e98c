/**
 * Load options: the members of `options` that say how the target launches a runner, and so can force a reload.
 *
 * They come from a request and from a model's own PARAMETERs, the request's first. All other options only steer the
 * sampling. Source: ollama/ollama api/types.go, `Runner` and `Options.FromMap`; server/sched.go, `needsReload`.
 */
import { JsonTypeError } from './json-bind.ts'
import { type JsonValue, membersOf, numberOf } from './json-scan.ts'

/** Explicit values only: a name that is absent is left to the target. */
export interface LoadOptions {
  num_ctx?: number
  num_batch?: number
  num_gpu?: number
  main_gpu?: number
  use_mmap?: boolean
  num_thread?: number
  draft_num_predict?: number
}

const NUMBERS = ['num_ctx', 'num_batch', 'num_gpu', 'main_gpu', 'num_thread', 'draft_num_predict'] as const

/** All names, in the order in which they are written. */
export const LOAD_OPTION_NAMES = [...NUMBERS, 'use_mmap'] as const

/**
 * Binds one `options` value over what earlier ones of the same body left, as Go does into a map: an object is merged
 * in, `null` empties it, names keep their case.
 *
 * An option of the wrong type makes the target answer 500 before it loads anything; it is left out here.
 *
 * @throws {JsonTypeError} where `options` itself is no object
 */
export function bindLoadOptions(json: Buffer, options: JsonValue, earlier: LoadOptions): LoadOptions {
  if (options.kind === 'null') return {}
  if (options.kind !== 'object') throw new JsonTypeError(options, 'an object')
  const bound = { ...earlier }
  for (const member of membersOf(json, options)) {
    const name = LOAD_OPTION_NAMES.find(known => known === member.name)
    if (name === 'use_mmap') bound.use_mmap = booleanOf(member)
    else if (name) bound[name] = wholeNumber(json, member)
  }
  return withoutUndefined(bound)
}

/**
 * Reads the load options of a model's own PARAMETERs.
 *
 * @param parameters the `parameters` text of `/api/show`: one name and value a line, a long number as `1e+06`
 */
export function parseParameters(parameters: string): LoadOptions {
  const found: LoadOptions = {}
  for (const [, name, text] of parameters.matchAll(/^(\w+)\s+(\S+)\s*$/gm)) {
    const number = NUMBERS.find(known => known === name)
    if (number && Number.isFinite(Number(text))) found[number] = Math.trunc(Number(text))
    else if (name === 'use_mmap') found.use_mmap = text === 'true'
  }
  return found
}

function booleanOf(value: JsonValue): boolean | undefined {
  return value.kind === 'true' || value.kind === 'false' ? value.kind === 'true' : undefined
}

/** The target cuts a fraction off. */
function wholeNumber(json: Buffer, value: JsonValue): number | undefined {
  if (value.kind !== 'number') return undefined
  const number = numberOf(json, value)
  if (!Number.isFinite(number)) throw new JsonTypeError(value, 'a number that fits')
  return Math.trunc(number)
}

function withoutUndefined(options: LoadOptions): LoadOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
