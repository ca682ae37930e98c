/**
 * Makes guessing useless and a flood of it cheap. To an address that has failed too often within a minute, further
 * failures are told to wait: late, so that each of its connections can fail once a second at most, and for the last
 * time on that connection. A request that shows a good token never comes here.
 */
import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type AuditLog, actorOf } from '../../core/access/audit.ts'
import type { ForemanError } from '../../core/errors.ts'
import { tooManyFailedLogins } from './errors.ts'
import { Windows } from './windows.ts'

/** Options of the plugin. */
export const failedLoginOptions = {
  failed_logins_per_minute: Type.Integer({
    default: 10,
    minimum: 1,
    description: 'Wrong tokens from one address (of IPv6 one /64) that are told so; further ones must wait.'
  })
}

const minuteMs = 60_000
const mostAddresses = 10_000
const defaultHoldMs = 1000
/** Of those that come while so many are held none is: they cost more memory than time. */
const mostHeld = 1000

/** What it works with. */
export interface FailedLoginsParts {
  readonly perMinute: number
  readonly audit: Pick<AuditLog, 'write'>
  /** For how long a refusal is held back. Defaults to a second. */
  readonly holdMs?: number
  /** ms, on a clock that never goes back. */
  readonly now?: () => number
}

/** Counts the failures of each address. */
export class FailedLogins {
  readonly #parts: FailedLoginsParts
  readonly #failures = new Windows(minuteMs, mostAddresses)
  readonly #now: () => number
  readonly #held = new Set<() => void>()

  constructor(parts: FailedLoginsParts) {
    this.#parts = parts
    this.#now = parts.now ?? (() => performance.now())
  }

  /**
   * Counts a request that failed to show who makes it, and refuses it. Of the many of a minute the first is written down,
   * and the first that is told to wait.
   * @throws `error`, or {TooManyFailedLoginsError}
   */
  async refuse(request: FastifyRequest, error: ForemanError): Promise<never> {
    const refusal = this.#add(request, error)
    if (refusal === undefined) throw error
    if (this.#held.size < mostHeld) await this.#hold(request)
    throw refusal
  }

  /** Lets go what is held. */
  close(): void {
    for (const release of this.#held) release()
  }

  #add(request: FastifyRequest, error: ForemanError): ForemanError | undefined {
    const { perMinute } = this.#parts
    const now = this.#now()
    const address = networkOf(request.ip)
    const window = this.#failures.at(address, now)
    window.count += 1
    if (window.count === 1) this.#write(request, error)
    if (window.count <= perMinute) return undefined
    const refusal = tooManyFailedLogins((window.endsAt - now) / 1000)
    if (window.count > perMinute + 1) return refusal
    this.#write(request, refusal)
    request.log.warn({ address, failures: perMinute }, 'too many failed logins')
    return refusal
  }

  #hold({ raw }: FastifyRequest): Promise<void> {
    return new Promise(resolve => {
      const release = () => {
        clearTimeout(timer)
        raw.off('close', release)
        this.#held.delete(release)
        resolve()
      }
      const timer = setTimeout(release, this.#parts.holdMs ?? defaultHoldMs)
      // Its body is not read yet: this is the end of the connection.
      raw.once('close', release)
      this.#held.add(release)
    })
  }

  #write(request: FastifyRequest, { wireCode }: ForemanError): void {
    // The route as it is written in the program: a path may have a token in it.
    const object = `${request.method} ${request.routeOptions.url}`
    this.#parts.audit.write({ ...actorOf(request), action: 'auth.denied', object, result: wireCode })
  }
}

/** What counts as one address: of IPv6 the first 64 bits, since one client often has all that begin so. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const family = isIP(address)
  if (family === 4) return address
  // From a proxy anything may come.
  if (family === 0) return 'unknown'
  const [before = '', after = ''] = address.split('%', 1)[0]!.split('::')
  const [first, last] = [before, after].map(part => (part === '' ? [] : part.split(':')))
  const missing = Array<string>(Math.max(0, 8 - first!.length - last!.length)).fill('0')
  const groups = address.includes('::') ? [...first!, ...missing, ...last!] : first!
  const network = groups.slice(0, 4).map(group => Number.parseInt(group, 16).toString(16))
  return `${network.join(':')}::/64`
}
