/** A server that answers as a test tells it: what no foreman of today says, or says only in trouble. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Scope } from '../../helpers/foreman.ts'

/** A request that came. */
export interface Heard {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Answers one request; the last of a list answers all that follow. */
export type Say = (answer: ServerResponse, heard: Heard) => void

/** Starts one; it is gone when the test is over. */
export async function startSpeaking(t: Scope, ...says: Say[]): Promise<{ url: string; heard: Heard[] }> {
  const heard: Heard[] = []
  const server = createServer(async (request, answer) => {
    const { method, url, headers } = request
    heard.push({ method: method!, url: url!, headers, body: await text(request) })
    const say = says[Math.min(heard.length, says.length) - 1]!
    say(answer, heard.at(-1)!)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard }
}

/** Says JSON. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Say {
  return answer => {
    answer.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
}

/** Says a problem of foreman's. */
export function problem(
  status: number,
  code: string,
  retryable: boolean,
  headers: Record<string, string> = {}
): Say {
  const body = { title: code, status, code, detail: `it is ${code}`, retryable, request_id: 'req-1' }
  return json(body, status, { 'content-type': 'application/problem+json', ...headers })
}

/** Breaks the connection without an answer. */
export const hangUp: Say = answer => answer.destroy()

/** Says events, and ends. */
export function events(...frames: { event: string; data: unknown; id?: string }[]): Say {
  const text = frames.map(({ id, event, data }) => {
    return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
  })
  return answer => answer.writeHead(200, { 'content-type': 'text/event-stream' }).end(text.join(''))
}
