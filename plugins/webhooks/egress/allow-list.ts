/**
 * `plugins.webhooks.allow`: what the operator lets through although it is not the public internet.
 *
 * Each entry has a port, for that alone: `192.168.1.20/32:8080`, `192.168.1.20:8080`, `[fd00::]/8:443`,
 * `[fd00::1]:443`, `hooks.lan:443`. A subnet counts whatever name led there; a host counts for itself, wherever its
 * name leads. Plain http is for what is listed here only.
 */
import { canonicalAddress, covers, type Subnets, subnets } from './addresses.ts'

const EXPECTED =
  'a subnet or a host with its port, such as 192.168.1.20/32:8080, [fd00::]/8:443 or hooks.lan:443'

/** The parsed list. */
export interface AllowList {
  /** Whether this very host (lower case, no dot at the end) is listed with this port. */
  hasHost(host: string, port: number): boolean
  /** Whether a subnet with this port covers the address. */
  hasAddress(address: string, port: number): boolean
  /** Whether any subnet is listed with this port, so that a name might lead into one. */
  hasSubnetAt(port: number): boolean
}

/** @throws {Error} naming the first entry that cannot be read, and what is expected */
export function allowList(entries: readonly string[]): AllowList {
  const hosts = new Set<string>()
  const byPort = new Map<number, Subnets[]>()
  for (const entry of entries) {
    const { place, port } = readEntry(entry)
    if (typeof place === 'string') hosts.add(`${place}:${port}`)
    else byPort.set(port, [...(byPort.get(port) ?? []), place])
  }
  return {
    hasHost: (host, port) => hosts.has(`${host}:${port}`),
    hasAddress: (address, port) => byPort.get(port)?.some(list => covers(list, address)) ?? false,
    hasSubnetAt: port => byPort.has(port)
  }
}

function readEntry(entry: string): { place: string | Subnets; port: number } {
  const [, host = '', bits, digits] = /^(\[[^\]/]+\]|[^:/[\]]+)(?:\/(\d{1,3}))?:(\d{1,5})$/.exec(entry) ?? []
  const port = Number(digits)
  if (host === '' || port < 1 || port > 65_535) throw unreadable(entry)
  return { place: readSubnet(entry, host, bits) ?? readHost(entry, host, bits), port }
}

/** Undefined where the host is a name. A single address is a subnet of its own. */
function readSubnet(entry: string, host: string, bits: string | undefined): Subnets | undefined {
  const address = canonicalAddress(host.replace(/^\[|\]$/g, ''))
  if (address === undefined) return undefined
  const longest = address.includes(':') ? 128 : 32
  // A mapped address has turned into IPv4, for which its prefix has no meaning.
  const meant = address.includes(':') === host.startsWith('[')
  if (!meant || Number(bits ?? longest) > longest) throw unreadable(entry)
  return subnets([`${address}/${bits ?? longest}`])
}

function readHost(entry: string, host: string, bits: string | undefined): string {
  const url = `http://${host}/`
  const name = URL.canParse(url) ? new URL(url).hostname.replace(/\.+$/, '') : ''
  // A name that the URL parser takes for an address (0x7f.1) is better written as one.
  const usable = name !== '' && canonicalAddress(name) === undefined && /^[^@?#\\*%]+$/.test(host)
  if (!usable || bits !== undefined) throw unreadable(entry)
  return name
}

function unreadable(entry: string): Error {
  return new Error(`"${entry}" is not ${EXPECTED}`)
}
