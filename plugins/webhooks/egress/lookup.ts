/**
 * Looks up the addresses of a receiver's name.
 *
 * Anybody who may register a URL chooses the name, and so which name server is asked and how slowly it answers. The
 * system's own lookup occupies one of the few threads that the connections to the target need for theirs; so strangers'
 * names are asked of DNS directly, which takes no thread and can be called off. A host that the operator listed is
 * looked up as the system does it, with its hosts file and search list.
 */
import { lookup as systemLookup } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { canonicalAddress } from './addresses.ts'
import { faultOf, notAllowed } from './faults.ts'

/**
 * Every address of a name, in canonical form.
 *
 * @throws {SendFault} `dns` where there is none; `ssrf_blocked` where one is no plain address (it has a zone)
 */
export type Lookup = (host: string, listed: boolean, signal: AbortSignal) => Promise<readonly string[]>

/** For each of two tries at a name server; the attempt's own deadline may come first. */
const QUERY_MS = 2000

/**
 * A lookup by DNS.
 *
 * @param servers the name servers, `address:port`. Defaults to those of the system, read anew for each name.
 */
export function dnsLookup(servers?: readonly string[]): Lookup {
  return async (host, listed, signal) => {
    try {
      const found = listed ? await askSystem(host) : await askDns(host, servers, signal)
      return found.map(address => canonicalAddress(address) ?? refuse())
    } catch (error) {
      signal.throwIfAborted()
      throw faultOf(error, 'dns')
    }
  }
}

/** A resolver of its own for each name: it keeps no answer, and can be stopped alone. */
async function askDns(
  host: string,
  servers: readonly string[] | undefined,
  signal: AbortSignal
): Promise<string[]> {
  signal.throwIfAborted()
  const resolver = new Resolver({ timeout: QUERY_MS, tries: 2 })
  if (servers !== undefined) resolver.setServers(servers)
  const cancel = () => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const found = answers.flatMap(answer => (answer.status === 'fulfilled' ? answer.value : []))
    const failed = answers.find(answer => answer.status === 'rejected')
    // A name may well have addresses of one family alone.
    if (found.length === 0 && failed !== undefined) throw failed.reason
    return found
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

function askSystem(host: string): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  systemLookup(host, { all: true }, (error, found) => {
    if (error !== null) reject(error)
    else resolve(found.map(({ address }) => address))
  })
  return promise
}

function refuse(): never {
  throw notAllowed('address')
}
