/** Jobs handed in as fast as foreman takes them: one by one over several connections, and as lines of one stream. */
import { Readable } from 'node:stream'
import { Client } from 'undici'
import { type Call, send } from './call.ts'

/** Send `call` `count` times over `connections`, each with one request at a time. */
export interface FloodCommand {
  readonly do: 'flood'
  readonly url: string
  readonly call: Call
  readonly count: number
  readonly connections: number
}

/** Send `line` `count` times in one body. */
export interface LinesCommand {
  readonly do: 'lines'
  readonly url: string
  readonly path: string
  readonly line: string
  readonly count: number
}

/** How it went. */
export interface Submitted {
  /** From the first byte sent to the last answer. */
  readonly tookMs: number
  /** Time of each request, where there were several. */
  readonly callMs: readonly number[]
}

const pieceBytes = 64 * 1024
const newline = 0x0a
const firstOfAnError = '{"e'

/** @throws {Error} where an answer is not 202 */
export async function flood({ url, call, count, connections }: FloodCommand): Promise<Submitted> {
  const clients = Array.from({ length: connections }, () => new Client(url))
  const callMs: number[] = []
  let left = count
  const beganAt = performance.now()
  await Promise.all(
    clients.map(async client => {
      while (left-- > 0) {
        const { status, sentAt, endedAt } = await send(client, call)
        if (status !== 202) throw new Error(`status ${status}`)
        callMs.push(endedAt - sentAt)
      }
    })
  )
  const tookMs = performance.now() - beganAt
  await Promise.all(clients.map(client => client.close()))
  return { tookMs, callMs }
}

/** @throws {Error} where not every line makes a job */
export async function sendLines({ url, path, line, count }: LinesCommand): Promise<Submitted> {
  const client = new Client(url)
  const beganAt = performance.now()
  const { statusCode, body } = await client.request({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/x-ndjson' },
    body: Readable.from(pieces(line, count), { objectMode: false })
  })
  let answers = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (chunk.includes(firstOfAnError)) throw new Error(chunk.toString('utf8', 0, 500))
    for (const byte of chunk) if (byte === newline) answers += 1
  }
  const tookMs = performance.now() - beganAt
  await client.close()
  if (statusCode !== 200 || answers !== count) throw new Error(`status ${statusCode}, ${answers} answers`)
  return { tookMs, callMs: [] }
}

function* pieces(line: string, count: number): Generator<Buffer> {
  const perPiece = Math.ceil(pieceBytes / (line.length + 1))
  for (let left = count; left > 0; left -= perPiece) {
    yield Buffer.from(`${line}\n`.repeat(Math.min(left, perPiece)))
  }
}
