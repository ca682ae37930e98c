/**
 * Foreman itself and its target: never the receiver of an event, whatever is allowed, because what is sent there
 * would be sent in foreman's own name.
 */
import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { canonicalAddress, covers, subnets } from './addresses.ts'

/** One address that is listened on. */
export interface ListenAddress {
  readonly address: string
  readonly port: number
}

/** Answers for the addresses that foreman and its target listen on. */
export interface OwnPlaces {
  /** Whether this address and port, or this host's name and port, is foreman's own or the target's. */
  has(host: string, port: number): boolean
  /** Looks up anew where the target is, if it has this port. What was known stays known where that fails. */
  refresh(port: number): Promise<void>
}

const loopback = subnets(['127.0.0.0/8', '::1'])

/** How long an answer for the target's name is used: its address is the operator's, not a stranger's to change. */
const TARGET_NAME_MS = 30_000

/** `own` is asked at every check, as foreman listens only after its plugins were made. */
export function ownPlaces(own: () => readonly ListenAddress[], target: URL): OwnPlaces {
  const targetHost = target.hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '')
  const targetPort = Number(target.port) || (target.protocol === 'https:' ? 443 : 80)
  const literal = canonicalAddress(targetHost)
  let targetAddresses: readonly string[] = literal === undefined ? [] : [literal]
  let knownUntil = literal === undefined ? 0 : Number.POSITIVE_INFINITY
  return {
    has: (host, port) =>
      own().some(place => place.port === port && isAt(place.address, host)) ||
      (port === targetPort && (host === targetHost || targetAddresses.some(address => isAt(address, host)))),
    refresh: async port => {
      if (port !== targetPort || performance.now() < knownUntil) return
      knownUntil = performance.now() + TARGET_NAME_MS
      targetAddresses = await addressesOf(targetHost).catch(() => targetAddresses)
    }
  }
}

/** Looked up as the connection to the target is, hosts file and all. */
async function addressesOf(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true })
  return found.flatMap(({ address }) => canonicalAddress(address) ?? [])
}

/** Whether something that listens on `listening` is reached at `address`. */
function isAt(listening: string, address: string): boolean {
  const at = canonicalAddress(listening)
  if (at !== '0.0.0.0' && at !== '::') return at === address
  if (canonicalAddress(address) === undefined) return false
  return covers(loopback, address) || ofThisMachine().has(address)
}

function ofThisMachine(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  return new Set(all.flatMap(({ address }) => canonicalAddress(address.split('%')[0]!) ?? []))
}
