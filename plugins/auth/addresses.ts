/** Addresses and ranges of addresses, as in `192.168.1.0/24` (CIDR, RFC 4632 and RFC 4291 section 2.3). */
import { BlockList, isIP } from 'node:net'

const bits = { ipv4: 32, ipv6: 128 } as const

interface Range {
  readonly address: string
  readonly prefix: number
  readonly family: keyof typeof bits
}

/** Whether a text is an address, or an address and how many of its bits count. */
export function isAddressRange(text: string): boolean {
  return readRange(text) !== undefined
}

/** Whether an address lies in one of the ranges. An IPv4 address counts in its IPv6 form (`::ffff:…`) as well. */
export function isWithin(ranges: readonly string[], address: string): boolean {
  const family = familyOf(address)
  if (family === undefined) return false
  const list = new BlockList()
  for (const range of ranges.map(readRange)) {
    if (range !== undefined) list.addSubnet(range.address, range.prefix, range.family)
  }
  return list.check(address, family)
}

function readRange(text: string): Range | undefined {
  const [, address = '', length] = /^([^/%]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? []
  const family = familyOf(address)
  if (family === undefined) return undefined
  const prefix = length === undefined ? bits[family] : Number(length)
  return prefix > bits[family] ? undefined : { address, prefix, family }
}

function familyOf(address: string): keyof typeof bits | undefined {
  const version = isIP(address)
  if (version === 0) return undefined
  return version === 4 ? 'ipv4' : 'ipv6'
}
