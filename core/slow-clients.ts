/**
 * Clients that send too slowly, by accident or to hold connections: none of them keeps one for long.
 *
 * The head of a request, and a connection on which none comes, are timed by Node. Bodies have no time of their own,
 * since they may be gigabytes and lines may come for ever: they have a rate, looked at once in a while and judged by
 * what came over `limits.body_grace_s`. Time in which foreman itself does not read is not the client's.
 * Source: https://nodejs.org/api/http.html#serverheaderstimeout
 */
import type { IncomingMessage, ServerOptions, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { RequestTimeoutError, refuseOn, surfaceOf } from './errors.ts'
import type { Settings } from './settings.ts'
import { traceOf } from './trace-context.ts'

type Limits = Pick<
  Settings['limits'],
  'head_bytes' | 'head_timeout_s' | 'body_grace_s' | 'body_min_bytes_per_s'
>

declare module 'fastify' {
  interface FastifyInstance {
    readonly slowClients: SlowClients
  }
}

const secondMs = 1000
/** Idle time of a connection. Above that of common reverse proxies, else they reuse one that is being closed. */
export const keepAliveTimeoutMs = 72 * secondMs
/** After this much silence the system asks whether the other side is still there. */
const probeAfterMs = 60 * secondMs
const longestLookMs = secondMs
const longestHeadCheckMs = 5 * secondMs

/** How Node's server is made: how long and how large the head of a request may be, how long a connection is idle. */
export function serverOptions({ head_bytes, head_timeout_s }: Limits): ServerOptions {
  const headersTimeout = head_timeout_s * secondMs
  return {
    maxHeaderSize: head_bytes,
    headersTimeout,
    connectionsCheckingInterval: Math.min(headersTimeout / 4, longestHeadCheckMs),
    // A call may wait in the queue for as long as its start limit says.
    requestTimeout: 0,
    keepAliveTimeout: keepAliveTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelay: probeAfterMs
  }
}

/** A connection that has had a request. */
interface Used {
  /** Requests whose answer is not out. */
  open: number
  idleSince: number
}

/** A request whose body has not come to its end. */
interface Coming {
  readonly raw: IncomingMessage
  readonly res: ServerResponse
  readonly used: Used
  /** Time in which foreman was ready to read, since the last judgement. */
  listenedMs: number
  /** What the connection had brought then. */
  bytesBefore: number
}

/** Watches bodies that come in, and connections between two requests. */
export class SlowClients {
  readonly #graceMs: number
  readonly #bytesPerMs: number
  readonly #longestIdleMs: number
  readonly #coming = new Set<Coming>()
  readonly #used = new Map<Socket, Used>()
  readonly #mayPause = new WeakMap<IncomingMessage, () => boolean>()
  readonly #limits: Limits

  /** @param keepAliveMs how long Node lets a connection be idle */
  constructor(limits: Limits, keepAliveMs = keepAliveTimeoutMs) {
    this.#limits = limits
    this.#graceMs = limits.body_grace_s * secondMs
    this.#bytesPerMs = limits.body_min_bytes_per_s / secondMs
    this.#longestIdleMs = keepAliveMs + limits.head_timeout_s * secondMs
  }

  /** How often {@link look} is to be called, in ms. */
  get lookEveryMs(): number {
    return Math.min(this.#graceMs / 4, longestLookMs)
  }

  /** Watches a request from here on. */
  watch(raw: IncomingMessage, res: ServerResponse): void {
    const { socket } = raw
    const used = this.#used.get(socket) ?? { open: 0, idleSince: 0 }
    used.open += 1
    this.#used.set(socket, used)
    res.once('close', () => {
      used.open -= 1
      used.idleSince = performance.now()
    })
    if (hasBody(raw)) this.#coming.add({ raw, res, used, listenedMs: 0, bytesBefore: socket.bytesRead })
  }

  /** The sender of this body may be silent for as long as `isPause` says so. */
  letPause(raw: IncomingMessage, isPause: () => boolean): void {
    this.#mayPause.set(raw, isPause)
  }

  /** Looks once, and turns away who is too slow. */
  look(log: FastifyBaseLogger): void {
    const now = performance.now()
    for (const one of this.#coming) {
      if (one.raw.complete || one.raw.socket.destroyed) this.#coming.delete(one)
      else if (!this.#isExcused(one)) this.#judge(one, log)
      one.used.idleSince = now
    }
    const oldest = now - this.#longestIdleMs
    for (const [socket, { open, idleSince }] of this.#used) {
      if (socket.destroyed) this.#used.delete(socket)
      // Node's own limit begins anew with every blank line that comes instead of a request.
      else if (open === 0 && idleSince < oldest) socket.destroy()
    }
  }

  #isExcused({ raw, res }: Coming): boolean {
    // Of what was answered the rest is thrown away as fast as it comes.
    if (res.writableFinished) return false
    // What it has sent is not taken yet, or an earlier answer is still on its way through the connection.
    if (raw.readableLength > 0 || res.socket === null) return true
    return this.#mayPause.get(raw)?.() === true
  }

  /** A look counts for the time between two, however late it is: what came meanwhile may not have been read yet. */
  #judge(one: Coming, log: FastifyBaseLogger): void {
    one.listenedMs += this.lookEveryMs
    if (one.listenedMs < this.#graceMs) return
    const { bytesRead } = one.raw.socket
    if (bytesRead - one.bytesBefore < this.#bytesPerMs * one.listenedMs) {
      this.#coming.delete(one)
      this.#turnAway(one, log)
    }
    one.listenedMs = 0
    one.bytesBefore = bytesRead
  }

  #turnAway({ raw, res }: Coming, log: FastifyBaseLogger): void {
    const { body_min_bytes_per_s: least, body_grace_s: grace } = this.#limits
    const error = new RequestTimeoutError(
      `less than ${least} bytes a second of its body over ${grace} s ` +
        '(limits.body_min_bytes_per_s, limits.body_grace_s)'
    )
    const ofRequest = log.child(traceOf(raw))
    if (res.headersSent || res.socket === null) {
      ofRequest.info({ code: error.wireCode, reason: error.message }, 'a connection was closed')
      raw.socket.destroy()
    } else refuseOn(raw.socket, error, surfaceOf(raw.url!), ofRequest)
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0
}

/** Watches every request of the app, for as long as it runs. */
export function addSlowClients(app: FastifyInstance, slowClients: SlowClients): void {
  let looking: NodeJS.Timeout | undefined
  app.decorate('slowClients', slowClients)
  app.addHook('onRequest', ({ raw }, reply, done) => {
    slowClients.watch(raw, reply.raw)
    done()
  })
  app.addHook('onReady', async () => {
    looking = setInterval(() => slowClients.look(app.log), slowClients.lookEveryMs)
  })
  // Not before: a stop waits for the requests that are still coming in.
  app.addHook('onClose', async () => clearInterval(looking))
}
