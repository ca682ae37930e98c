/** What a receiver says back of what was told to it in confidence is not kept: some echo all that they get. */
import type { Answer } from './egress/sender.ts'
import type { Envelope } from './envelope.ts'

/** Shorter values are no secrets, and would blot out half of an answer. */
const shortestSecret = 8
/** Headers that foreman makes itself, and the trace of a job, which its caller may look for. */
const own = /^(content-type|foreman-.*|traceparent|webhook-.*)$/
const mark = '[redacted]'

/** The answer without the values of the endpoint's own headers, and without the query of its URL. */
export function redacted(answer: Answer, { headers, url }: Envelope): Answer {
  const values = Object.entries(headers)
    .filter(([name]) => !own.test(name))
    .map(([, value]) => value)
  const secrets = [...values, new URL(url).search.slice(1)].filter(({ length }) => length >= shortestSecret)
  if (secrets.length === 0) return answer
  // Both are ASCII, and each byte of the answer is one character so.
  const text = secrets.reduce(
    (shown, secret) => shown.replaceAll(secret, () => mark),
    answer.response.toString('latin1')
  )
  return { ...answer, response: Buffer.from(text, 'latin1') }
}
