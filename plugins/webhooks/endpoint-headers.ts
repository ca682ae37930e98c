/** The headers that an endpoint may add to its messages: none that says how a message is carried, or what foreman says. */
import { faultAt } from './errors.ts'

/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9a-z-]{1,64}$/
/** Printable, with no space at either end. */
const printable = /^[!-~]([ -~]*[!-~])?$/
/** Hop-by-hop (RFC 9110 section 7.6.1), about the body, of the signature, of foreman's own, or of tracing. */
const kept =
  /^(connection|expect|host|http2-settings|keep-alive|te|trailer|traceparent|tracestate|transfer-encoding|upgrade|user-agent|via|(content|foreman|proxy|webhook)-.*)$/

/** Their names in lower case. @throws {ValidationFailedError} for the first that may not be */
export function readHeaders(given: Readonly<Record<string, string>>): Record<string, string> {
  const read = new Map<string, string>()
  for (const [name, value] of Object.entries(given)) {
    const lower = name.toLowerCase()
    const fault = faultOf(lower, value) ?? (read.has(lower) ? 'is there twice' : undefined)
    if (fault !== undefined) throw faultAt(`/headers/${escaped(name)}`, fault)
    read.set(lower, value)
  }
  return Object.fromEntries(read)
}

function faultOf(name: string, value: string): string | undefined {
  if (!token.test(name)) return 'is no name of a header'
  if (kept.test(name)) return 'is a header that foreman or HTTP sees to'
  return printable.test(value) ? undefined : 'must be printable ASCII, without a space at its ends'
}

/** RFC 6901 section 3; as much of it as tells which it is. */
function escaped(name: string): string {
  return name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')
}
