/**
 * Reads parsed answers of the target field by field: what has not the type it should have counts as missing.
 */

/** The members of an object; none for anything else. */
export function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** A string; empty for anything else. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** A finite number. */
export function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** The strings of an array. */
export function strings(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : undefined
}

/** The list that `/api/tags` and `/api/ps` answer; `null` is Go's way to write an empty one. */
export function modelsOf(answer: unknown): unknown[] | undefined {
  const { models } = record(answer)
  if (models === null) return []
  return Array.isArray(models) ? models : undefined
}
