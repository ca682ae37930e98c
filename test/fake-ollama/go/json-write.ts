/**
 * Writes JSON the way Go's `json.Marshal` does.
 * Source: Go `encoding/json`, "HTML escaping" and the treatment of U+2028 and U+2029.
 */

const ESCAPED = /[<>&\u2028\u2029]/g

/** One line of JSON with `<`, `>`, `&`, U+2028 and U+2029 escaped; members that are `undefined` are left out. */
export function goStringify(value: unknown): string {
  return JSON.stringify(value).replace(
    ESCAPED,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  )
}

/** A string as Go's `%q` prints it, near enough for model names. */
export function goQuote(text: string): string {
  return JSON.stringify(text)
}

/** The value with the members of every object in order of their keys, as Go writes maps. */
export function sortedLikeMap(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedLikeMap)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, member]) => [key, sortedLikeMap(member)]))
}
