/**
 * Where events may be sent: the rules for URLs, and for the addresses that a name turns out to have.
 *
 * The URL is judged when it is registered and again at every attempt; the addresses at every attempt, before any is
 * dialled. What is always refused comes first and no allow list opens it: cloud metadata, foreman itself, its target.
 */
import { isNeverAllowed, isPublic } from './addresses.ts'
import { allowList } from './allow-list.ts'
import { type Destination, readDestination, refusalOfText } from './destination.ts'
import { WebhookUrlRefusedError } from './errors.ts'
import { type ListenAddress, ownPlaces } from './own-places.ts'

export type { Destination } from './destination.ts'
export { WebhookUrlRefusedError } from './errors.ts'

/** What may be sent to. */
export interface EgressRules {
  /**
   * Accepts a URL, or says that no event may ever go there. A name is not looked up: where it leads may change.
   *
   * @returns the URL in its one spelling, without a dot at the end of its host
   * @throws {WebhookUrlRefusedError}
   */
  check(url: string): URL
  /** As `check`, taken apart. @throws {WebhookUrlRefusedError} */
  destination(url: string): Destination
  /** Whether the destination may be dialled at every one of these addresses. False for none. */
  mayDial(to: Destination, addresses: readonly string[]): Promise<boolean>
  /** Whether the operator listed this very host with its port. */
  isListed(to: Destination): boolean
}

/** What the rules are made from. */
export interface EgressRuleOptions {
  /** `plugins.webhooks.allow`. */
  readonly allow: readonly string[]
  /** What foreman listens on now. */
  readonly own: () => readonly ListenAddress[]
  readonly target: URL
}

/** @throws {Error} naming the entry of `allow` that cannot be read, and what is expected */
export function egressRules(options: EgressRuleOptions): EgressRules {
  const allowed = allowList(options.allow)
  const places = ownPlaces(options.own, options.target)

  function isFit(to: Destination, address: string): boolean {
    // A mixed answer is the trick of rebinding, so one unfit address makes the whole answer unfit.
    if (isNeverAllowed(address) || places.has(address, to.port)) return false
    if (allowed.hasHost(to.host, to.port) || allowed.hasAddress(address, to.port)) return true
    return to.usual && isPublic(address)
  }

  function destination(url: string): Destination {
    const to = readDestination(url)
    if (typeof to === 'string') throw new WebhookUrlRefusedError(to)
    if (places.has(to.host, to.port)) throw new WebhookUrlRefusedError('it is foreman itself or its target')
    const why = refusalOfText(to, allowed)
    if (why !== undefined) throw new WebhookUrlRefusedError(why)
    if (to.literal !== undefined && !isFit(to, to.literal)) {
      throw new WebhookUrlRefusedError('its address is not one that events may be sent to')
    }
    return to
  }

  return {
    check: url => destination(url).url,
    destination,
    isListed: to => allowed.hasHost(to.host, to.port),
    mayDial: async (to, addresses) => {
      await places.refresh(to.port)
      return addresses.length > 0 && addresses.every(address => isFit(to, address))
    }
  }
}
