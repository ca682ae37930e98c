/**
 * Answers what Node's parser could not read as a request: no route is known then, so foreman's own shape is used.
 */
import { randomBytes } from 'node:crypto'
import { type OutgoingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Settings } from '../settings.ts'
import { BadRequestError, RequestTimeoutError } from './catalog.ts'
import type { ForemanError } from './define.ts'
import { type RenderedError, renderError, type Surface } from './render.ts'

/** An id for one request, told in its answer and in the log. */
export function newRequestId(): string {
  return `req_${randomBytes(12).toString('hex')}`
}

/** Says why in a problem document, unless an answer has begun, and closes the connection. For `clientErrorHandler`. */
export function answerUnreadable(this: FastifyInstance, err: NodeJS.ErrnoException, socket: Socket): void {
  if (err.code === 'ECONNRESET' || socket.destroyed) return
  refuseOn(socket, whyUnreadable(err, this.settings), 'problem', this.log)
}

/** Node's codes for what is worth a word of its own. Source: https://nodejs.org/api/http.html#event-clienterror */
function whyUnreadable({ code }: NodeJS.ErrnoException, { limits }: Settings): ForemanError {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new RequestTimeoutError(
        `its head did not come within ${limits.head_timeout_s} s (limits.head_timeout_s)`
      )
    case 'HPE_HEADER_OVERFLOW': {
      const reason = `The head of the request is larger than ${limits.head_bytes} bytes (limits.head_bytes)`
      return Object.assign(new BadRequestError(reason), { statusCode: 431 })
    }
    default:
      return new BadRequestError('The request cannot be read as HTTP')
  }
}

/**
 * Answers past the framework, unless an answer has begun, and closes the connection: for requests that will not come
 * to their end.
 */
export function refuseOn(
  socket: Socket,
  error: ForemanError,
  surface: Surface,
  log: FastifyBaseLogger
): void {
  const reqId = newRequestId()
  log.info({ reqId, code: error.wireCode, reason: error.message }, 'request refused')
  // Node's own handler looks there too: words of ours in the middle of an answer would be taken for its bytes.
  const { _httpMessage: answer } = socket as Socket & { _httpMessage?: OutgoingMessage | null }
  if (socket.writable && !answer?.headersSent) socket.write(wireOf(renderError(error, surface, reqId)))
  socket.destroySoon()
}

function wireOf({ status, headers, body }: RenderedError): string {
  const fields = { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
}
