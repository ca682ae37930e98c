/** Receivers that speak HTTP as they should, whatever they say in it. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { selfSigned } from './certificate.ts'
import { noteRequest, type Receiver, type Yard } from './yard.ts'

/** What it is answered with: a status, perhaps headers and a body. */
interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
}

const hourS = 3600
const metadataUrl = 'http://169.254.169.254/latest/meta-data/'
const redirects = [301, 302, 303, 307, 308]

/** 200 at once. */
export const healthy: Receiver = answering(() => ({ status: 200, body: 'thank you' }))

/** 204 by TLS, with a certificate that nobody vouches for. */
export const selfSignedReceiver: Receiver = (name, yard) =>
  createSecureServer(
    selfSigned(),
    listener(name, yard, () => ({ status: 204 }))
  )

/** 200 after `slow_ms`. */
export const slow: Receiver = (name, yard) =>
  createServer(async (request, response) => {
    if (!(await noteRequest(yard, name, request, 200))) return
    await sleep(yard.config.slow_ms, undefined, { ref: false })
    response.end()
  })

/** Takes the request and never says a word. */
export const hanging: Receiver = (name, yard) =>
  createServer(request => void noteRequest(yard, name, request, undefined))

/** Every 3xx in turn, to a server that counts who comes and to the metadata address of clouds. */
export const redirecting: Receiver = (name, yard) => {
  let count = 0
  return createServer(
    listener(name, yard, () => {
      const status = redirects[count % redirects.length]!
      const location = Math.floor(count++ / redirects.length) % 2 === 0 ? yard.trap.url : metadataUrl
      return { status, headers: { location } }
    })
  )
}

/** 500, always. */
export const failing: Receiver = answering(() => ({ status: 500, body: 'out of order' }))

/** 404, with a page for humans. */
export const missing: Receiver = answering(() => ({ status: 404, body: '<h1>Not Found</h1>' }))

/** 410: come no more. */
export const gone: Receiver = answering(() => ({ status: 410 }))

/** 429 with seconds. */
export const throttlingSeconds: Receiver = answering((_request, { config }) =>
  throttled(429, String(Math.ceil(config.retry_after_ms / 1000)))
)

/** 503 with a date. */
export const throttlingDate: Receiver = answering((_request, { config }) =>
  throttled(503, new Date(Date.now() + config.retry_after_ms).toUTCString())
)

/** 429 with what is neither. */
export const throttlingNonsense: Receiver = answering(() => throttled(429, '-1; soon, perhaps'))

/** 503 with some thirty years. */
export const throttlingForever: Receiver = answering(() => throttled(503, String(24 * 365 * 30 * hourS)))

/** For one message in `flaky_one_in`: fails `flaky_failures` times, by 500, by leaving and by a reset in turn. Then 200. */
export const flaky: Receiver = (name, yard) => {
  const failures = new Map<string, number>()
  const answer = listener(name, yard, () => ({ status: 200 }))
  return createServer((request, response) => {
    const id = String(request.headers['webhook-id'])
    const { flaky_failures, flaky_one_in } = yard.config
    const failed = failures.get(id) ?? 0
    if (numberOf(id) % flaky_one_in !== 0 || failed >= flaky_failures) return answer(request, response)
    failures.set(id, failed + 1)
    return failOnce(name, yard, request, response, (numberOf(id) >>> 8) + failed)
  })
}

function answering(answer: (request: IncomingMessage, yard: Yard) => Answer): Receiver {
  return (name, yard) => createServer(listener(name, yard, request => answer(request, yard)))
}

function listener(name: string, yard: Yard, answer: (request: IncomingMessage) => Answer): RequestListener {
  return async (request, response) => {
    const { status, headers = {}, body = '' } = answer(request)
    if (await noteRequest(yard, name, request, status)) response.writeHead(status, headers).end(body)
  }
}

function throttled(status: number, retryAfter: string): Answer {
  return { status, headers: { 'retry-after': retryAfter } }
}

async function failOnce(
  name: string,
  yard: Yard,
  request: IncomingMessage,
  response: ServerResponse,
  way: number
): Promise<void> {
  const status = way % 3 === 0 ? 500 : undefined
  if (!(await noteRequest(yard, name, request, status))) return
  if (status !== undefined) response.writeHead(status).end()
  else if (way % 3 === 1) request.socket.destroy()
  else request.socket.resetAndDestroy()
}

/** The same for an id each time it comes, and evenly spread. */
function numberOf(id: string): number {
  return createHash('sha1').update(id).digest().readUInt32BE()
}
