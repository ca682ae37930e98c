/** Clients that hand jobs in as lines: all at once, or piece by piece on a socket of their own. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { Stage } from './stage.ts'

/** The answer to one line. */
export interface LineAnswer {
  readonly id?: string
  readonly replayed?: boolean
  readonly error?: { readonly code: string; readonly detail: string; readonly pointer?: string }
}

/** The type of lines. */
export const lines = 'application/x-ndjson'

/** Sends lines; an object is one as JSON. */
export async function bulk(
  { url }: Pick<Stage, 'url'>,
  sent: readonly (object | string)[],
  { type = lines, headers = {} }: { type?: string; headers?: Record<string, string> } = {}
): Promise<LineAnswer[]> {
  const body = sent.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  const answer = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body
  })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), lines)
  return parsed(await answer.text())
}

function parsed(text: string): LineAnswer[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as LineAnswer)
}

/** How many jobs there are. */
export function jobCount({ app }: Pick<Stage, 'app'>): unknown {
  return app.db.prepare('SELECT count(*) FROM job').pluck().get()
}

/** Begins a request on a socket of its own, with a body of unknown length. */
export async function begin(t: TestContext, url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(
    `POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${lines}\r\nTransfer-Encoding: chunked\r\n\r\n`
  )
  return socket
}

/** Sends a piece of the body. */
export function sendPiece(socket: Socket, piece: string): void {
  socket.write(`${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`)
}

/** What came on the socket once it has `count` answers. */
export async function answersOn(socket: Socket, count: number): Promise<LineAnswer[]> {
  let text = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += chunk
    const found = [...text.matchAll(/^\{.*\}$/gm)].map(([line]) => JSON.parse(line) as LineAnswer)
    if (found.length >= count) return found
  }
  throw new Error(`the connection ended: ${text}`)
}
