/**
 * Who may use which route. A route says what it needs in its `config.access`; one that says nothing needs `admin`, so that
 * a forgotten word closes a door and opens none. Who a caller is, is told by the one that was set with
 * {@link Access.identifyBy}; without it everybody is the sole owner.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorKind } from '../api-description.ts'
import { InsufficientScopeError } from '../errors.ts'
import { type Caller, soleCaller } from './caller.ts'
import { Farewells } from './farewells.ts'
import type { Scope } from './scopes.ts'

/** What a route asks of its caller: a scope; to be known, whatever the scopes; or nothing at all. */
export type AccessRule = Scope | 'known' | 'open'

/** How a route takes stream tickets: until their time is over, as an EventSource connects again; or once. */
export type TicketUse = 'reusable' | 'once'

/** Tells who makes a request. @throws a ForemanError for one that shows no token, or a wrong one */
export type Identify = (request: FastifyRequest, reply: FastifyReply) => Caller | Promise<Caller>

/** Takes what it knows out of a request before it is routed. @returns the path and query to be routed by */
export type Rewrite = (raw: IncomingMessage) => string

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly access?: AccessRule
    /** Whether `?ticket=` stands for a token on this route, and how. */
    readonly ticket?: TicketUse
    /** Whether a request brings its own permission in its address, which the handler checks. It has no caller then. */
    readonly isSelfSigned?: (request: FastifyRequest) => boolean
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
  /** What calls say before they are cut. */
  readonly farewells = new Farewells()
  /** What identifying throws. */
  refusals: readonly ErrorKind[] = []
  #identify: Identify | undefined
  #rewrite: Rewrite | undefined

  /** Whether callers are told apart. */
  get guarded(): boolean {
    return this.#identify !== undefined
  }

  /** From now on callers are told apart. `refusals`: the errors with which that turns them away. */
  identifyBy(identify: Identify, refusals: readonly ErrorKind[] = []): void {
    this.#identify = identify
    this.refusals = refusals
  }

  /** From now on requests are routed by what `rewrite` makes of them. */
  rewriteBy(rewrite: Rewrite): void {
    this.#rewrite = rewrite
  }

  /** The path and query that a request is routed by. */
  addressOf(raw: IncomingMessage): string {
    return this.#rewrite?.(raw) ?? raw.url!
  }

  /** Identifies the caller of a request and lets it through or not. @throws {InsufficientScopeError} and what identifying throws */
  check(request: FastifyRequest, reply: FastifyReply): void | Promise<void> {
    const { access = 'admin', isSelfSigned } = request.routeOptions.config
    // What is not there needs no key: the answer is the same for all.
    if (access === 'open' || request.is404 || isSelfSigned?.(request)) return
    const caller = this.#identify === undefined ? soleCaller : this.#identify(request, reply)
    if (caller instanceof Promise) return caller.then(known => admit(request, known, access))
    admit(request, caller, access)
  }
}

function admit(request: FastifyRequest, caller: Caller, access: Exclude<AccessRule, 'open'>): void {
  request.caller = caller
  if (access === 'known' || caller.scopes.has(access)) return
  request.server.telemetry.emit('authFailure', 'scope')
  throw new InsufficientScopeError(access)
}

/** Guards every route of the app that is added after this. */
export function addAccess(app: FastifyInstance, access: Access): void {
  app.decorate('access', access)
  app.decorateRequest('caller')
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined) access.silent.push(`${method} ${url}`)
  })
  app.addHook('onRequest', (request, reply, done) => {
    const checked = access.check(request, reply)
    if (checked === undefined) done()
    else checked.then(() => done(), done)
  })
}
