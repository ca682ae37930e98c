/**
 * One request and what is read of its answer, whatever the receiver does.
 *
 * A receiver is a stranger: 1 GB of body, a body that never ends, heads without end or garbage cost no more than the
 * first 4 KiB and the connection. Nothing is decoded, no redirect is followed.
 */
import type { Dispatcher } from 'undici'
import type { Deadline } from './deadline.ts'
import { noHttp } from './faults.ts'

/** What is sent, and when it is given up. */
export interface ExchangeOptions {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | string
  /** Its reason is what the exchange fails with, before there is the head of an answer. */
  readonly deadline: Deadline
}

/** The head of the answer and the start of its body. */
export interface Exchanged {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly response: Buffer
  /** Whether the answer was read to its end, so that the connection can be used again. */
  readonly whole: boolean
}

const RESPONSE_BYTES = 4 * 1024

/** The body is for the log alone: an answer is not held up for it any longer than this. */
const BODY_MS = 2000

/** Interim answers (RFC 9110 section 15.2) before the real one; more is a way to keep foreman busy. */
const INTERIM_AT_MOST = 8

/** Sends the request. @throws what undici reports, or the reason of the deadline */
export async function exchange(dispatcher: Dispatcher, options: ExchangeOptions): Promise<Exchanged> {
  const { url, headers, body, deadline } = options
  let interim = 0
  const answer = await dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: 'POST',
    headers,
    body,
    signal: deadline.signal,
    onInfo: () => {
      interim += 1
      if (interim > INTERIM_AT_MOST) deadline.end(noHttp())
    }
  })
  const read = await readStart(answer.body)
  return { status: answer.statusCode, headers: answer.headers, ...read }
}

/** Never throws: there is an answer, and its body decides nothing. */
async function readStart(
  body: Dispatcher.ResponseData['body']
): Promise<{ response: Buffer; whole: boolean }> {
  const chunks: Buffer[] = []
  let size = 0
  const timer = setTimeout(() => body.destroy(), BODY_MS)
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk.subarray(0, RESPONSE_BYTES - size))
      size += chunk.length
      if (size > RESPONSE_BYTES) break
    }
    return { response: together(chunks), whole: size <= RESPONSE_BYTES }
  } catch {
    return { response: together(chunks), whole: false }
  } finally {
    clearTimeout(timer)
  }
}

/** A copy, so that the pieces of the socket's buffer are not kept for as long as the answer is. */
function together(chunks: readonly Buffer[]): Buffer {
  return Buffer.concat(chunks)
}
