/** Sends a request exactly as it is written down, on a connection of its own, and reads the answer the same way. */
import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import type { HeaderField } from '../../core/target/headers.ts'
import { answersNothing, type HttpMessage, MessageReader, statusOf } from './message-reader.ts'

/** A request before it is framed. `Host` is added, and `Content-Length` where there is a body. */
export interface RawRequest {
  readonly method: string
  /** Request target as it goes on the wire. */
  readonly path: string
  readonly fields?: readonly HeaderField[]
  /** A list is sent chunked, one HTTP chunk for each entry. */
  readonly body?: string | Buffer | readonly string[]
}

/** One exchange in progress. */
export interface RawExchange {
  /** The answer as far as it has come; undefined before its head. Interim answers (1xx) are passed over. */
  answer(): HttpMessage | undefined
  /**
   * Resolves once `reached` holds of the answer.
   * @throws {Error} when the connection ends without that
   */
  until(reached: (answer: HttpMessage) => boolean): Promise<HttpMessage>
  /** Closes the connection. */
  leave(): void
}

/** Opens the connection and sends the request. */
export function begin(url: string, request: RawRequest): RawExchange {
  const { hostname, port, host } = new URL(url)
  const reader = new MessageReader(startLine => answersNothing(startLine, request.method))
  const news = new EventEmitter()
  const socket = connect(Number(port), hostname)
  let closed: Error | undefined
  socket.on('data', bytes => {
    reader.push(bytes)
    news.emit('news')
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    reader.end()
    closed = new Error(`connection closed in ${request.method} ${request.path}`)
    news.emit('news')
  })
  socket.write(headOf(request, host), 'latin1')
  for (const piece of bodyPieces(request)) socket.write(piece)
  const answer = () => reader.messages.find(message => statusOf(message) >= 200)
  return {
    answer,
    async until(reached) {
      for (;;) {
        const message = answer()
        if (message !== undefined && reached(message)) return message
        if (closed !== undefined) throw closed
        await once(news, 'news')
      }
    },
    leave: () => socket.destroy()
  }
}

/** Sends the request and resolves with the whole answer. @throws {Error} when the connection ends before that */
export async function send(url: string, request: RawRequest): Promise<HttpMessage> {
  const exchange = begin(url, request)
  try {
    return await exchange.until(message => message.complete)
  } finally {
    exchange.leave()
  }
}

/** The body's bytes, whatever its framing. */
export function sentBody({ body = '' }: RawRequest): Buffer {
  return Buffer.concat(
    (Array.isArray(body) ? body : [body as string | Buffer]).map(piece => Buffer.from(piece))
  )
}

function headOf(request: RawRequest, host: string): string {
  const { method, path, fields = [], body } = request
  const framing: HeaderField[] =
    body === undefined
      ? []
      : Array.isArray(body)
        ? [['Transfer-Encoding', 'chunked']]
        : [['Content-Length', String(sentBody(request).length)]]
  const lines = [['Host', host] as const, ...fields, ...framing].map(([name, value]) => `${name}: ${value}`)
  return [`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n')
}

function bodyPieces(request: RawRequest): (string | Buffer)[] {
  if (!Array.isArray(request.body)) return [sentBody(request)]
  const chunks = request.body.map(piece => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`)
  return [...chunks, '0\r\n\r\n']
}
