/** One look at a server: what it answered, when, and how soon. */
import { type TargetClient, TargetError } from '../../target/client.ts'
import { type HeaderField, headerValue } from '../../target/headers.ts'

const answerWithinMs = 5000

/** An answer, whatever its status. */
export interface Answer {
  readonly status: number
  readonly headers: readonly HeaderField[]
  /** The body where it is JSON. */
  readonly json: unknown
  readonly tookMs: number
  /** How far the clock there is ahead of this one, in ms, to half a second or so; undefined without a `Date`. */
  readonly aheadMs: number | undefined
}

/** Asks by GET. @throws {TargetError} where there is no answer within 5 s; `unreachable` then */
export async function ask(client: TargetClient, path: string): Promise<Answer> {
  const chunks: Buffer[] = []
  let status = 0
  let headers: HeaderField[] = []
  const handler = {
    head(code: number, fields: HeaderField[]) {
      status = code
      headers = fields
    },
    data: (chunk: Buffer) => void chunks.push(chunk)
  }
  const [askedAt, began] = [Date.now(), performance.now()]
  const signal = AbortSignal.timeout(answerWithinMs)
  try {
    await client.call({ method: 'GET', path }, handler, { lane: 'shared', signal })
  } catch (err) {
    if (signal.aborted) throw new TargetError('unreachable', { cause: signal.reason })
    throw err
  }
  const tookMs = performance.now() - began
  const aheadMs = aheadOf(askedAt + tookMs / 2, headers)
  return { status, headers, json: jsonOf(Buffer.concat(chunks).toString()), tookMs, aheadMs }
}

/** `Date` is cut to whole seconds (RFC 9110 section 6.6.1): half a second is put back. */
function aheadOf(now: number, headers: readonly HeaderField[]): number | undefined {
  const there = Date.parse(headerValue(headers, 'date') ?? '')
  return Number.isNaN(there) ? undefined : there + 500 - now
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
