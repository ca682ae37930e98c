/**
 * Opens TCP and TLS connections to the target.
 *
 * Own code instead of undici's connector because foreman has to hold the socket itself: to break off a connection
 * that is still being made, and to know when one is really closed. It also keeps the connect timeout exact.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** TLS towards an `https` target. Files arrive as the PEM text they hold. */
export interface TargetTls {
  /** Authorities to trust in place of the system's. */
  ca?: string
  /** Client certificate and its key, where the target asks for one. */
  cert?: string
  key?: string
  /** Name to expect in the certificate. Defaults to the host of the url. */
  servername?: string
  /** `false` accepts any certificate. Defaults to `true`. */
  rejectUnauthorized?: boolean
}

/** Where and how to connect. */
export interface ConnectorOptions {
  url: URL
  tls?: TargetTls
  /** Longest wait for TCP and TLS together. */
  connectTimeoutMs: number
}

/** Probes on an idle connection find a machine that lost its power; a call without streaming may be silent for long. */
const TCP_KEEP_ALIVE_MS = 15_000

/**
 * Starts a connection and returns its socket at once. `onReady` is called once: with the socket when it can be
 * written to, or with the reason why it never will be.
 */
export function openSocket(
  options: ConnectorOptions,
  onReady: (error: Error | null, socket: Socket) => void
): Socket {
  const secure = options.url.protocol === 'https:'
  const socket = secure ? startTls(options) : connectTcp(addressOf(options.url))
  let waiting = true
  const settle = (error: Error | null) => {
    if (!waiting) return
    waiting = false
    clearTimeout(timer)
    onReady(error, socket)
  }
  const timer = setTimeout(() => socket.destroy(connectTimeout(options)), options.connectTimeoutMs)
  socket.setNoDelay(true).setKeepAlive(true, TCP_KEEP_ALIVE_MS)
  socket.once(secure ? 'secureConnect' : 'connect', () => settle(null))
  socket.on('error', settle)
  socket.once('close', () => settle(new Error('connection closed while it was being made')))
  return socket
}

function startTls({ url, tls }: ConnectorOptions): Socket {
  const address = addressOf(url)
  // An address is not a name that may be asked for (RFC 6066 section 3); the certificate is checked against it all the same.
  const servername = tls?.servername ?? (isIP(address.host) ? undefined : address.host)
  // HTTP/1.1 only: closing the connection is how a run is ended, and chunk boundaries must be the target's.
  return connectTls({ ...address, ...tls, servername, ALPNProtocols: ['http/1.1'] })
}

function addressOf(url: URL): { host: string; port: number } {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return { host, port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80) }
}

function connectTimeout({ url, connectTimeoutMs }: ConnectorOptions): Error {
  const error = new Error(`no connection to ${url.host} within ${connectTimeoutMs} ms`)
  return Object.assign(error, { code: 'ETIMEDOUT' })
}
