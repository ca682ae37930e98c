/**
 * Opens a connection to a receiver: TCP to one of the addresses that were checked, and to no other, then TLS.
 *
 * Own code instead of undici's connector, because the name must not be looked up a second time, and because TLS must
 * not say hello before it is known who answered.
 */
import { connect as connectTcp, isIPv4, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { canonicalAddress } from './addresses.ts'
import { faultOf, notAllowed, type Step, tooLate } from './faults.ts'
import type { Destination } from './rules.ts'

/** Where to connect. */
export interface DialOptions {
  readonly to: Destination
  /** The checked addresses, in canonical form; tried one after the other. */
  readonly addresses: readonly string[]
  /** For TCP and TLS together. */
  readonly timeoutMs: number
}

/** Called once: with a socket that can be written to, or with the {@link SendFault} that says why there is none. */
export type OnDialled = (error: Error | null, socket: Socket | null) => void

/** How long one of several addresses has before the next is tried as well. */
const NEXT_ADDRESS_MS = 500

/** @returns what breaks off a connection that is still being made */
export function dial(options: DialOptions, onReady: OnDialled): () => void {
  let step: Step = 'connect'
  const tcp = startTcp(options)
  let socket: Socket = tcp
  let waiting = true

  function settle(error: Error | null): void {
    if (!waiting) return
    waiting = false
    clearTimeout(timer)
    if (error === null) return onReady(null, socket)
    socket.destroy()
    tcp.destroy()
    onReady(faultOf(error, step), null)
  }
  const watch = (one: Socket) => one.on('error', settle).once('close', () => settle(gone()))

  const timer = setTimeout(() => settle(tooLate('connection')), options.timeoutMs)
  watch(tcp).once('connect', () => {
    // Nobody is there any more: who connects and resets in one has no address, and is not a forbidden one.
    if (tcp.remoteAddress === undefined) return settle(gone())
    if (!isOneOf(options.addresses, tcp.remoteAddress)) return settle(notAllowed('address'))
    if (options.to.url.protocol === 'http:') return settle(null)
    step = 'tls'
    socket = startTls(options, tcp)
    watch(socket).once('secureConnect', () => settle(null))
  })
  return () => settle(tooLate('answer'))
}

function startTcp({ to, addresses }: DialOptions): Socket {
  const lookup: LookupFunction = (_name, _options, done) =>
    done(
      null,
      addresses.map(address => ({ address, family: isIPv4(address) ? 4 : 6 }))
    )
  const host = to.literal ?? to.host
  const several = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS }
  return connectTcp({ host, port: to.port, lookup, ...several }).setNoDelay(true)
}

function startTls({ to }: DialOptions, socket: Socket): TLSSocket {
  // An address is not a name that may be asked for (RFC 6066 section 3); the certificate is checked against it all the same.
  const servername = to.literal === undefined ? to.host : undefined
  return connectTls({ socket, host: to.host, servername, ALPNProtocols: ['http/1.1'] })
}

function gone(): Error {
  return Object.assign(new Error(), { code: 'ECONNRESET' })
}

/** The second line: what was dialled should be what answers, whatever lies between. */
function isOneOf(addresses: readonly string[], remote: string): boolean {
  const address = canonicalAddress(remote)
  return address !== undefined && addresses.includes(address)
}
