/**
 * What the text of a URL alone decides: scheme, port, host. Nothing is looked up here.
 */
import { canonicalAddress } from './addresses.ts'
import type { AllowList } from './allow-list.ts'

/** Where a URL leads. */
export interface Destination {
  readonly url: URL
  /** Lower case, without a dot at its end and without brackets. */
  readonly host: string
  readonly port: number
  /** The host, where it is an address in any of its spellings; undefined for a name. */
  readonly literal: string | undefined
  /** Whether the port is one that every https receiver may have. Any other has to be on the allow list. */
  readonly usual: boolean
}

/** Where a receiver may listen without being on the allow list: https alone. */
const USUAL_PORTS = [443, 8443]

/** Names that mean this machine or this network (RFC 6761, RFC 6762, RFC 8375), and those of one label. */
const LOCAL_NAME = /^[^.]*$|(^|\.)(localhost|local|internal|home\.arpa)$/

/**
 * @returns the destination, or in words why there can be none
 */
export function readDestination(text: string): Destination | string {
  if (!URL.canParse(text)) return 'it is not an absolute URL'
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'its scheme has to be https'
  if (url.username !== '' || url.password !== '') return 'a user or password may not be in it'
  if (url.href.includes('#')) return 'a fragment may not be in it'
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '')
  if (host === '' || host.includes('..')) return 'its host is not a name'
  if (!url.hostname.startsWith('[')) url.hostname = host
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  if (url.port === '0') return 'its port has to be 443 or 8443'
  const usual = url.protocol === 'https:' && USUAL_PORTS.includes(port)
  return { url, host, port, literal: canonicalAddress(host), usual }
}

/** Why the name, port or scheme is refused before anything is looked up; undefined where it is not. */
export function refusalOfText(to: Destination, allowed: AllowList): string | undefined {
  if (allowed.hasHost(to.host, to.port)) return undefined
  if (to.literal === undefined && LOCAL_NAME.test(to.host)) {
    return `the name is one of a local network, and plugins.webhooks.allow does not list ${to.host}:${to.port}`
  }
  // A name may lead into a subnet that is listed; which one, only the attempt knows.
  if (to.usual || allowed.hasSubnetAt(to.port)) return undefined
  return to.url.protocol === 'http:'
    ? 'plain http is only for what plugins.webhooks.allow lists; use https'
    : 'its port has to be 443 or 8443, or on the list of plugins.webhooks.allow'
}
