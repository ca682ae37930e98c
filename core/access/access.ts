/**
 * Who may use which route. A route says what it needs in its `config.access`; one that says nothing needs `admin`, so that
 * a forgotten word closes a door and opens none. Who a caller is, is told by the one that was set with
 * {@link Access.identifyBy}; without it everybody is the sole owner.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { InsufficientScopeError } from '../errors.ts'
import { type Caller, soleCaller } from './caller.ts'
import type { Scope } from './scopes.ts'

/** What a route asks of its caller: a scope, or nothing at all. */
export type AccessRule = Scope | 'open'

/** Tells who makes a request. @throws a ForemanError for one that shows no token, or a wrong one */
export type Identify = (request: FastifyRequest) => Caller

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly access?: AccessRule
  }
  interface FastifyRequest {
    /** Who makes it. Not there on open routes, which ask nobody. */
    caller: Caller
  }
}

/** Decides at the door. */
export class Access {
  /** Routes that say nothing: `GET /path` each. */
  readonly silent: string[] = []
  #identify: Identify = () => soleCaller

  /** From now on callers are told apart. */
  identifyBy(identify: Identify): void {
    this.#identify = identify
  }

  /** Identifies the caller of a request and lets it through or not. @throws {InsufficientScopeError} and what identifying throws */
  check(request: FastifyRequest): void {
    const { access = 'admin' } = request.routeOptions.config
    // What is not there needs no key: the answer is the same for all.
    if (access === 'open' || request.is404) return
    request.caller = this.#identify(request)
    if (!request.caller.scopes.has(access)) throw new InsufficientScopeError(access)
  }
}

/** Guards every route of the app that is added after this. */
export function addAccess(app: FastifyInstance): Access {
  const access = new Access()
  app.decorateRequest('caller')
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined) access.silent.push(`${method} ${url}`)
  })
  app.addHook('onRequest', (request, _reply, done) => {
    access.check(request)
    done()
  })
  return access
}
