/**
 * Which addresses are the public internet, and which never get a packet whatever is allowed.
 *
 * Sources: the special-purpose address registries of IANA (RFC 6890), RFC 4291 section 2.4. Everything outside IPv6
 * global unicast is blocked, so that the forms which carry an IPv4 address inside (compatible, translated, NAT64) and
 * ranges that are given a meaning later are too.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** "This network", private, shared, loopback, link-local, special, documentation, benchmarks, multicast, reserved. */
const BLOCKED_V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24'],
  ...['203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4']
]

/** All but 2000::/3; and of that the IETF's own (Teredo among it), documentation and 6to4. */
const BLOCKED_V6 = ['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

/**
 * Where clouds hand credentials to their machines: the common address, AWS (containers, pods, IPv6), Google (IPv6),
 * Alibaba, Oracle, Azure. "Any address" is here as well, because dialling it reaches this machine.
 */
const NEVER = [
  ...['0.0.0.0', '169.254.169.254', '169.254.170.2', '169.254.170.23', '100.100.100.200', '192.0.0.192'],
  ...['168.63.129.16', '::', 'fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254']
]

const blocked = subnets([...BLOCKED_V4, ...BLOCKED_V6])
const never = subnets(NEVER)

/** Subnets of both families. */
export interface Subnets {
  readonly ipv4: BlockList
  readonly ipv6: BlockList
}

/** A list of subnets (`10.0.0.0/8`, `fd00::/8`) and single addresses, to ask whether it covers an address. */
export function subnets(texts: readonly string[]): Subnets {
  // One list for each family: a list of both finds an IPv4 address in ::/3, as it reads it as mapped into IPv6.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const text of texts) {
    const [address, bits] = text.split('/') as [string, string?]
    const family = familyOf(address)
    lists[family].addSubnet(address, Number(bits ?? (family === 'ipv4' ? 32 : 128)), family)
  }
  return lists
}

/** Whether `lists` cover `address`, which is in canonical form. */
export function covers(lists: Subnets, address: string): boolean {
  const family = familyOf(address)
  return lists[family].check(address, family)
}

/** True for an address of the public internet, where anybody's receiver may be. */
export function isPublic(address: string): boolean {
  return !covers(blocked, address)
}

/** True for an address that is refused whatever the allow list says, be it hidden in a form of IPv6. */
export function isNeverAllowed(address: string): boolean {
  return covers(never, address) || embedded(address).some(inner => covers(never, inner))
}

/**
 * One spelling for each address: IPv6 compressed in lower case, and an IPv4 address mapped into IPv6 as IPv4, which
 * is where the system dials it. Anything that is no address (a zone, a name) gives undefined.
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text
  // A zone names an interface of this machine; only link-local addresses have one, and those are blocked.
  if (!isIPv6(text) || text.includes('%')) return undefined
  const groups = groupsOf(text)
  const mapped = groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff
  return mapped ? dotted(groups, 6) : new URL(`http://[${text}]`).hostname.slice(1, -1)
}

/** The IPv4 address that an IPv6 address may stand for: compatible, translated or NAT64 (last 32 bits), 6to4. */
function embedded(address: string): string[] {
  if (!isIPv6(address)) return []
  const groups = groupsOf(address)
  if (groups[0] === 0x2002) return [dotted(groups, 1)]
  const carries = groups[0] === 0 || (groups[0] === 0x64 && groups[1] === 0xff9b)
  return carries ? [dotted(groups, 6)] : []
}

function dotted(groups: readonly number[], at: number): string {
  return [groups[at]!, groups[at + 1]!].flatMap(group => [group >> 8, group & 0xff]).join('.')
}

/** The eight groups of an IPv6 address. The URL parser has turned every other spelling into hexadecimal. */
function groupsOf(address: string): number[] {
  const [head, tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::') as [string, string?]
  const numbers = (text = '') => (text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16)))
  const first = numbers(head)
  const last = numbers(tail)
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6'
}
