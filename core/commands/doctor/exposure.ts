/** Whether others than foreman can reach the target: Ollama itself checks nobody. */
import { lookup } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { TargetClient, TargetError } from '../../target/client.ts'
import { record, text } from '../../target/loose-json.ts'
import { ask } from './ask.ts'
import { amiss, type Finding, listed, well } from './finding.ts'
import { isLoopbackHost } from './target.ts'

const connectWithinMs = 2000

/**
 * Asks at this machine's other addresses where the target is on it, and without foreman's token where it is not.
 * @param addresses of this machine that others can reach
 */
export async function examineExposure(
  url: URL,
  addresses: readonly string[] = ownAddresses()
): Promise<Finding[]> {
  if (await isHere(url, addresses)) return [await here(url, addresses)]
  if (!(await answers(url))) return [well('exposure.closed', `${url.host} answers nobody without a token`)]
  const seen = `${url.host} answers whoever reaches it, without a token: every machine of that network can go around foreman`
  const mend =
    'let only foreman reach it: a firewall there, OLLAMA_HOST on an address that foreman alone is on, or a proxy that asks for a token (target.token)'
  return [amiss('exposure.no_token', seen, mend)]
}

/** Addresses of this machine on a network. Link-local ones need a zone that no URL has. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap(addresses => addresses ?? [])
  return all.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address)
}

async function here(url: URL, addresses: readonly string[]): Promise<Finding> {
  const asked = await Promise.all(
    addresses.map(async address => ((await answers(at(url, address))) ? [address] : []))
  )
  const open = asked.flat()
  if (open.length === 0)
    return well('exposure.closed', 'the target answers at none of the other addresses of this machine')
  const seen = `the target answers at ${listed(open)} too: whoever reaches this machine can go around foreman`
  return amiss(
    'exposure.open',
    seen,
    'set OLLAMA_HOST=127.0.0.1 for Ollama, or close its port in the firewall'
  )
}

async function isHere({ hostname }: URL, addresses: readonly string[]): Promise<boolean> {
  if (isLoopbackHost(hostname)) return true
  const found = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true }).catch(() => [])
  return found.some(
    ({ address }) => addresses.includes(address) || address.startsWith('127.') || address === '::1'
  )
}

function at(url: URL, address: string): URL {
  const other = new URL(url)
  other.hostname = isIPv6(address) ? `[${address}]` : address
  return other
}

/** Shows no token, so it takes any certificate. */
async function answers(url: URL): Promise<boolean> {
  const client = new TargetClient({
    url,
    connectTimeoutMs: connectWithinMs,
    tls: { rejectUnauthorized: false }
  })
  try {
    const { status, json } = await ask(client, '/api/version')
    return status === 200 && text(record(json).version) !== ''
  } catch (err) {
    if (err instanceof TargetError) return false
    throw err
  } finally {
    await client.destroy()
  }
}
