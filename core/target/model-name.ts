/**
 * Model names as Ollama reads them: `[scheme://][host/][namespace/]model[:tag]`, with a source suffix looked at first.
 *
 * Source: ollama/ollama types/model/name.go and internal/modelref/modelref.go.
 */

/** A name that the target accepts. */
export interface ModelName {
  /** `host/namespace/model:tag`, complete and in lower case: equal for all spellings of one model. */
  key: string
  /** The short form that `/api/tags` lists, in the spelling of the text: default host and namespace left out. */
  display: string
  /** Asks for ollama.com: `:cloud`, or a tag that ends with `-cloud`. The suffix is no part of key and display. */
  cloud: boolean
  /** Asks for this target only: `:local`. The suffix is no part of key and display. */
  local: boolean
}

/** Host of names that say none. */
export const defaultHost = 'registry.ollama.ai'
const DEFAULT_NAMESPACE = 'library'
const DEFAULT_TAG = 'latest'

const HOST = /^\w[\w.:-]{0,349}$/
const NAMESPACE = /^\w[\w-]{0,79}$/
const MODEL_OR_TAG = /^\w[\w.-]{0,79}$/

/** What Go trims: Unicode White_Space, which has U+0085 and has not U+FEFF. */
const OUTER_SPACE =
  /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g

/**
 * Reads a name as a client sends it.
 *
 * @returns `undefined` where the target would say that the name is missing or invalid, two source suffixes included
 */
export function parseModelName(text: string): ModelName | undefined {
  const { base, source } = cutSource(trim(text))
  if (source && cutSource(base).source) return undefined
  const parts = splitName(base)
  if (!parts) return undefined
  return {
    key: `${parts.host}/${parts.namespace}/${parts.model}:${parts.tag}`.toLowerCase(),
    display: shortest(parts),
    cloud: source === 'cloud',
    local: source === 'local'
  }
}

interface NameParts {
  host: string
  namespace: string
  model: string
  tag: string
}

function cutSource(text: string): { base: string; source?: 'cloud' | 'local' } {
  const colon = text.lastIndexOf(':')
  if (colon < 0) return { base: text }
  const tag = trim(text.slice(colon + 1))
  const suffix = tag.toLowerCase()
  if (suffix === 'cloud' || suffix === 'local') return { base: text.slice(0, colon), source: suffix }
  if (!suffix.endsWith('-cloud') || suffix.includes('/')) return { base: text }
  return { base: text.slice(0, colon + 1) + tag.slice(0, -'-cloud'.length), source: 'cloud' }
}

/** Splits from the right. A separator promises a part on both of its sides. */
function splitName(text: string): NameParts | undefined {
  const hasTag = text.lastIndexOf(':') > text.lastIndexOf('/')
  const [path = '', tag] = hasTag ? cutLast(text, ':') : [text, DEFAULT_TAG]
  const [owner, model] = cutLast(path, '/')
  const [place, namespace] = owner === undefined ? [undefined, DEFAULT_NAMESPACE] : cutLast(owner, '/')
  const host = place === undefined ? defaultHost : withoutScheme(place)
  const isValid =
    HOST.test(host) && NAMESPACE.test(namespace) && MODEL_OR_TAG.test(model) && MODEL_OR_TAG.test(tag)
  return isValid ? { host, namespace, model, tag } : undefined
}

function withoutScheme(place: string): string {
  const at = place.indexOf('://')
  return at < 0 ? place : place.slice(at + '://'.length)
}

/** What is before and after the last separator; all of it is after, where there is none. */
function cutLast(text: string, separator: string): [before: string | undefined, after: string] {
  const at = text.lastIndexOf(separator)
  return at < 0 ? [undefined, text] : [text.slice(0, at), text.slice(at + 1)]
}

function shortest({ host, namespace, model, tag }: NameParts): string {
  const name = `${model}:${tag}`
  if (host.toLowerCase() !== defaultHost) return `${host}/${namespace}/${name}`
  return namespace.toLowerCase() === DEFAULT_NAMESPACE ? name : `${namespace}/${name}`
}

function trim(text: string): string {
  return text.replace(OUTER_SPACE, '')
}
