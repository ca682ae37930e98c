/**
 * The way through the proxies that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).
 *
 * A proxy looks names up itself, so filtering addresses is its work; the rules for URLs hold all the same. What
 * `NO_PROXY` excepts is dialled from here, with every check.
 */
import { EnvHttpProxyAgent } from 'undici'
import { checkedAddresses, type GuardOptions } from './checked-addresses.ts'
import { dial, type OnDialled } from './dial.ts'
import { faultOf } from './faults.ts'

/** How the way is made. */
export interface ViaProxyOptions extends GuardOptions {
  /** For TCP and TLS together, to the proxy or past it. */
  readonly connectTimeoutMs: number
}

/** @throws where the environment names a proxy by no URL */
export function viaProxy(options: ViaProxyOptions): EnvHttpProxyAgent {
  return new EnvHttpProxyAgent({
    connect: ({ protocol, host }, onReady) => {
      dialChecked(options, `${protocol}//${host}`, (error, socket) => {
        if (error !== null) onReady(error, null)
        else onReady(null, socket!)
      })
    },
    connectTimeout: options.connectTimeoutMs,
    allowH2: false,
    // A connection for each event, so that the address is checked for each.
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0
  })
}

async function dialChecked(options: ViaProxyOptions, url: string, onReady: OnDialled): Promise<void> {
  try {
    const to = options.rules.destination(url)
    const signal = AbortSignal.timeout(options.connectTimeoutMs)
    const addresses = await checkedAddresses(options, to, signal)
    dial({ to, addresses, timeoutMs: options.connectTimeoutMs }, onReady)
  } catch (error) {
    onReady(faultOf(error, 'connect'), null)
  }
}
