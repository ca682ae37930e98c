/**
 * Answers what Node's parser could not read as a request: no route is known then, so foreman's own shape is used.
 */
import { randomBytes } from 'node:crypto'
import { type OutgoingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { BadRequestError } from './catalog.ts'
import { type RenderedError, renderError } from './render.ts'

/** Node's words for what is worth a status of its own. Source: https://nodejs.org/api/http.html#event-clienterror */
const refusals: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The head of the request took too long'],
  HPE_HEADER_OVERFLOW: [431, 'The head of the request is too large']
}
const unreadable = [400, 'The request cannot be read as HTTP'] as const

/** An id for one request, told in its answer and in the log. */
export function newRequestId(): string {
  return `req_${randomBytes(12).toString('hex')}`
}

/** Says why in a problem document, unless an answer has begun, and closes the connection. For `clientErrorHandler`. */
export function answerUnreadable(
  this: FastifyInstance,
  { code }: NodeJS.ErrnoException,
  socket: Socket
): void {
  if (code === 'ECONNRESET' || socket.destroyed) return
  const [statusCode, reason] = refusals[code ?? ''] ?? unreadable
  const error = Object.assign(new BadRequestError(reason), { statusCode })
  const reqId = newRequestId()
  this.log.info({ reqId, code: error.wireCode, reason }, 'request refused')
  // Node's own handler looks there too: words of ours in the middle of an answer would be taken for its bytes.
  const { _httpMessage: answer } = socket as Socket & { _httpMessage?: OutgoingMessage | null }
  if (socket.writable && !answer?.headersSent) socket.write(wireOf(renderError(error, 'problem', reqId)))
  socket.destroySoon()
}

function wireOf({ status, headers, body }: RenderedError): string {
  const fields = { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
}
