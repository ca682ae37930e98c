/**
 * The error and not-found handlers of the HTTP server, and how Fastify's own errors fall into the catalogue.
 */
import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  BadRequestError,
  BodyTooLargeError,
  InternalError,
  MalformedJsonError,
  NotFoundError,
  UnsupportedMediaTypeError,
  ValidationFailedError
} from './catalog.ts'
import { type FaultAt, type ForemanError, isForemanError } from './define.ts'
import { renderError, surfaceOf } from './render.ts'

/** Gives an app the renderer for everything that is thrown, and the answers for unknown routes. */
export function installErrors(app: FastifyInstance): void {
  app.setErrorHandler(answerError)
  app.setNotFoundHandler(answerNotFound)
  app.addHook('onError', async (request, reply, error) => answerFailedError(error, request, reply))
}

/**
 * Where a hook of a plugin's makes the answer of an error fail too, Fastify would give the text of that away: it goes out
 * past all hooks instead.
 */
function answerFailedError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const isFirst = !reply.hasHeader('foreman-error-code')
  if (isFirst || reply.sent || reply.raw.headersSent) return
  request.log.error({ err: error }, 'the answer of an error failed')
  const { status, headers, body } = renderError(new InternalError(), surfaceOf(request.url), request.id)
  reply.hijack()
  reply.raw.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

/**
 * Answers a request with an error, in the shape of the route it called. Also fits Fastify's `frameworkErrors`
 * option, for faults found before any route is chosen.
 */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = toForemanError(error, request)
  if (known.wireCode === 'internal')
    request.log.error({ err: error }, 'request failed for an unforeseen reason')
  else if (!known.quiet) {
    // The route as it is written in the program: a path may have a token in it.
    const { method, routeOptions } = request
    const refused = { code: known.wireCode, reason: known.message, method, route: routeOptions.url }
    request.log.info(refused, 'request refused')
  }
  const { status, headers, body } = renderError(known, surfaceOf(request.url), request.id)
  // Bytes, because Fastify adds a charset to any JSON content type sent as a string; RFC 9457 defines none.
  reply.code(status).headers(headers).send(Buffer.from(body))
}

/** Under `/api` and `/v1` Ollama's own words, in plain text as Ollama sends them; elsewhere `not_found`. */
function answerNotFound(request: FastifyRequest, reply: FastifyReply): void {
  if (surfaceOf(request.url) === 'problem') answerError(new NotFoundError(), request, reply)
  else reply.code(404).header('content-type', 'text/plain').send('404 page not found')
}

/**
 * Puts any thrown value into the catalogue: foreman's errors as they are, Fastify's by their code, another
 * error with a 4xx status as `bad_request` with that status and its text, all else as `internal` with no text.
 */
export function toForemanError(error: unknown, request: FastifyRequest): ForemanError {
  if (isForemanError(error)) return error
  const thrown: Partial<FastifyError> = error instanceof Error ? error : {}
  const options = { cause: error }
  if (thrown.validation !== undefined) return validationFailed(thrown)
  switch (thrown.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new BodyTooLargeError(request.routeOptions.bodyLimit, options)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new UnsupportedMediaTypeError(request.headers['content-type'] ?? '', options)
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new MalformedJsonError('it is empty', options)
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new MalformedJsonError('syntax error', options)
    case 'FST_ERR_NOT_FOUND':
      return new NotFoundError(options)
    default:
      return byStatus(thrown.statusCode ?? 500, thrown.message ?? '', options)
  }
}

function byStatus(status: number, message: string, options: { cause: unknown }): ForemanError {
  if (status >= 400 && status < 500) {
    return Object.assign(new BadRequestError(message, options), { statusCode: status })
  }
  // A status that is no error at all was set by mistake: that too is unforeseen.
  const statusCode = status in STATUS_CODES && status >= 500 ? status : 500
  return Object.assign(new InternalError(options), { statusCode, message: STATUS_CODES[statusCode] })
}

function validationFailed(thrown: Partial<FastifyError>): ForemanError {
  const error = new ValidationFailedError(thrown.message ?? '', { cause: thrown })
  const where = thrown.validationContext ?? 'body'
  error.faults = thrown.validation?.map(({ instancePath, message }): FaultAt => {
    const detail = message ?? 'is not valid'
    // A JSON pointer can only point into the body; elsewhere the detail says where the fault is.
    return where === 'body'
      ? { pointer: instancePath, detail }
      : { pointer: '', detail: `${where}${instancePath} ${detail}` }
  })
  return error
}
