/**
 * Model names: grammar, defaults, how they are shown, and the `:cloud` / `:local` suffixes.
 * Source: ollama/ollama `types/model/name.go` and `internal/modelref`.
 */
import { goQuote } from '../go/json-write.ts'

const DEFAULT_HOST = 'registry.ollama.ai'
const DEFAULT_NAMESPACE = 'library'
const DEFAULT_TAG = 'latest'

const HOST = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}$/
const NAMESPACE = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,79}$/
const MODEL_OR_TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$/

/** The four parts of a name, defaults filled in, as sent. */
export interface ModelName {
  host: string
  namespace: string
  model: string
  tag: string
}

/** What a name in a request asks for. */
export interface ModelRef {
  name: ModelName
  source: 'cloud' | 'local' | undefined
}

/** The name was empty: most routes word this in their own way. */
export class ModelRequiredError extends Error {
  constructor() {
    super('model is required')
  }
}

/** Both `:cloud` and `:local` were asked for: always a 400. */
export class ConflictingSourceError extends Error {}

/** The name breaks the grammar: always a 400. */
export class InvalidNameError extends Error {
  constructor() {
    super('invalid model name')
  }
}

/** Splits a name and fills the defaults, or `undefined` where it breaks the grammar. */
export function parseModelName(text: string): ModelName | undefined {
  const name = splitModelName(text)
  const valid =
    HOST.test(name.host) &&
    NAMESPACE.test(name.namespace) &&
    MODEL_OR_TAG.test(name.model) &&
    MODEL_OR_TAG.test(name.tag)
  return valid ? name : undefined
}

/** Splits a name and fills the defaults, whether or not the parts are valid. */
export function splitModelName(text: string): ModelName {
  let rest = text
  let tag = DEFAULT_TAG
  const colon = rest.lastIndexOf(':')
  if (colon > rest.lastIndexOf('/')) {
    tag = rest.slice(colon + 1)
    rest = rest.slice(0, colon)
  }
  const parts = rest.split('/')
  const model = parts.pop() ?? ''
  const namespace = parts.pop() ?? DEFAULT_NAMESPACE
  const host = parts.length === 0 ? DEFAULT_HOST : parts.join('/').replace(/^[^/]*:\/\//, '')
  return { host, namespace, model, tag }
}

/**
 * Reads a name as inference requests carry it: trimmed, source suffix taken off.
 * @throws {ModelRequiredError} @throws {ConflictingSourceError} @throws {InvalidNameError}
 */
export function parseModelRef(text: string): ModelRef {
  const raw = text.trim()
  if (raw === '') throw new ModelRequiredError()
  const { base, source } = cutSource(raw)
  if (source !== undefined && cutSource(base).source !== undefined) {
    throw new ConflictingSourceError(`use either :local or :cloud, not both: ${goQuote(raw)}`)
  }
  const name = parseModelName(base)
  if (name === undefined) throw new InvalidNameError()
  return { name, source }
}

function cutSource(raw: string): { base: string; source: ModelRef['source'] } {
  const colon = raw.lastIndexOf(':')
  const suffix = colon === -1 ? '' : raw.slice(colon + 1).trim()
  const lower = suffix.toLowerCase()
  if (lower === 'cloud' || lower === 'local') return { base: raw.slice(0, colon), source: lower }
  if (lower.endsWith('-cloud') && !lower.includes('/')) {
    return { base: raw.slice(0, colon + 1) + suffix.slice(0, -'-cloud'.length), source: 'cloud' }
  }
  return { base: raw, source: undefined }
}

/** The shortest form that Ollama shows: default host and namespace left out, tag always there. */
export function displayName(name: ModelName): string {
  const tail = `${name.model}:${name.tag}`
  if (name.host.toLowerCase() !== DEFAULT_HOST) return `${name.host}/${name.namespace}/${tail}`
  return name.namespace.toLowerCase() === DEFAULT_NAMESPACE ? tail : `${name.namespace}/${tail}`
}

/** All four parts, as some capability errors print them. */
export function fullName(name: ModelName): string {
  return `${name.host}/${name.namespace}/${name.model}:${name.tag}`
}

/** What two spellings of one name have in common: names match without regard to case. */
export function nameKey(name: ModelName): string {
  return fullName(name).toLowerCase()
}
