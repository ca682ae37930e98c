/** The words of an error answer of the target, whichever surface's shape it has. */

/** Longest text that is taken from a body that is no JSON. */
const longestPlainText = 200

/** `error`, or `error.message`, of a JSON body; the beginning of any other; empty for an empty one. */
export function errorTextOf(body: string): string {
  const error = readError(body)
  if (typeof error === 'string') return error
  const message = (error as { message?: unknown } | null | undefined)?.message
  return typeof message === 'string' ? message : body.slice(0, longestPlainText)
}

function readError(body: string): unknown {
  try {
    return (JSON.parse(body) as { error?: unknown } | null)?.error
  } catch {
    return undefined
  }
}
