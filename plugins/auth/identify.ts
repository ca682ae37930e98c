/** Who makes a request: from what it shows to a caller, or a refusal in words that its client passes on. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TicketUse } from '../../core/access/access.ts'
import type { Caller } from '../../core/access/caller.ts'
import { withImplied } from '../../core/access/scopes.ts'
import type { ForemanError } from '../../core/errors.ts'
import type { AuthFailure, Telemetry } from '../../core/telemetry.ts'
import { isWithin } from './addresses.ts'
import { type CliSignature, checkSignature, withoutTs } from './cli-signature.ts'
import { AddressNotAllowedError, unauthorized, unauthorizedForCli } from './errors.ts'
import type { FailedLogins } from './failed-logins.ts'
import { configuredCaller, type IsConfigured } from './first-token.ts'
import type { LiveCalls } from './live-calls.ts'
import { presentedBy } from './presented.ts'
import type { Rates } from './rates.ts'
import type { SeenSignatures } from './seen-signatures.ts'
import { keyOfBlob } from './ssh-key.ts'
import type { Tickets } from './tickets.ts'
import { callerOf, type Token } from './token.ts'
import { judge, type TokenStore, type Verdict } from './token-store.ts'

/** What it works with. */
export interface Doorkeeper {
  readonly tokens: TokenStore
  readonly isConfigured: IsConfigured | undefined
  readonly tickets: Tickets
  readonly seen: SeenSignatures
  readonly signatureWindowMs: number
  readonly failedLogins: FailedLogins
  readonly rates: Rates
  readonly liveCalls: LiveCalls
  readonly telemetry: Telemetry
}

/** Who it was, or the error to answer with. */
type Found =
  | { readonly caller: Caller; readonly token?: Token }
  | { readonly error: ForemanError; readonly reason: AuthFailure }

/** Identifies, counts and watches one request. @throws a ForemanError for one that shows no good token, or asks too often */
export function identify(
  door: Doorkeeper,
  request: FastifyRequest,
  reply: FastifyReply
): Caller | Promise<never> {
  const found = find(door, request)
  if ('error' in found) {
    door.telemetry.emit('authFailure', found.reason)
    return door.failedLogins.refuse(request, found.error)
  }
  const { caller, token } = found
  if (token !== undefined) {
    const { addresses } = token.limits
    if (addresses !== undefined && !isWithin(addresses, request.ip)) {
      door.telemetry.emit('authFailure', 'address')
      throw new AddressNotAllowedError(request.ip)
    }
    door.tokens.touch(token, Date.now())
    door.liveCalls.add(token.id, reply)
  }
  return door.rates.admit(caller, reply)
}

/** The caller of an id of a token that is good now; undefined for any other. */
export function callerById({ tokens, isConfigured }: Doorkeeper, tokenId: string): Caller | undefined {
  if (tokenId === configuredCaller.tokenId) return isConfigured && configuredCaller
  const token = tokens.find(tokenId)
  return token !== undefined && 'token' in judge(token, Date.now()) ? callerOf(token) : undefined
}

function find(door: Doorkeeper, request: FastifyRequest): Found {
  const presented = presentedBy(request)
  switch (presented.by) {
    case 'token':
      return byToken(door, presented.text)
    case 'signature':
      return bySignature(door, presented.signature, request)
    case 'ticket':
      return byTicket(door, presented.text, request)
    case 'unreadable':
      return malformed(unauthorized('The Authorization header has another form than "Bearer <token>"', true))
    case 'nothing':
      return {
        error: isCli(request) ? unauthorizedForCli(cliHint) : unauthorized(noToken, false),
        reason: 'missing'
      }
  }
}

const noToken =
  'This needs a token: send it as "Authorization: Bearer <token>"; `foreman token create` makes one'
const cliHint =
  'foreman does not know you: set OLLAMA_AUTH=1 and have your key enrolled with "foreman key add < ~/.ollama/id_ed25519.pub"'

/** The ollama command and other programs in Go; the clients of Python and JavaScript call themselves by other names. */
function isCli({ headers }: FastifyRequest): boolean {
  return headers['user-agent']?.startsWith('ollama/') === true
}

function byToken({ tokens, isConfigured }: Doorkeeper, text: string): Found {
  if (isConfigured?.(text)) return { caller: configuredCaller }
  return found(tokens.verify(text, Date.now()), why => unauthorized(whyNot[why], true))
}

const whyNot = {
  unknown: 'This token is not known here: check that all of it was sent',
  expired: 'This token has expired',
  revoked: 'This token was revoked'
}

function found(verdict: Verdict, refuse: (why: keyof typeof whyNot) => ForemanError): Found {
  if ('refused' in verdict) return { error: refuse(verdict.refused), reason: verdict.refused }
  return { caller: callerOf(verdict.token), token: verdict.token }
}

function malformed(error: ForemanError): Found {
  return { error, reason: 'malformed' }
}

function bySignature(door: Doorkeeper, signature: CliSignature, request: FastifyRequest): Found {
  const { raw } = request
  const [path = '', query = ''] = raw.url!.split('?', 2)
  const now = Date.now()
  const call = { method: request.method, path, query, now, windowMs: door.signatureWindowMs }
  const token = door.tokens.byKey(signature.blob)
  if (token === undefined) {
    return {
      error: unauthorizedForCli('foreman does not know this key: enrol it with "foreman key add"'),
      reason: 'unknown'
    }
  }
  const checked = checkSignature(call, signature, keyOfBlob(signature.blob))
  if (!checked.ok) {
    const clock = checked.why === 'wrong_time' ? ', as its time is too far from that of foreman' : ''
    return malformed(unauthorizedForCli(`the signature of this call does not hold${clock}`))
  }
  if (!door.seen.admit(signature, request.ip, now)) {
    return malformed(unauthorizedForCli('the signature of this call was used before'))
  }
  // The target knows nothing of it.
  raw.url = withoutTs(raw.url!)
  return found(judge(token, now), why => unauthorizedForCli(`the key of this call was ${why}`))
}

/** The one job that a request is about. A WebSocket that is opened for one names it in its query, and shows no other. */
function jobOf({ params, query }: FastifyRequest, use: TicketUse): string | undefined {
  const { id } = params as { id?: string }
  const { job_id } = query as { job_id?: unknown }
  return use === 'once' && typeof job_id === 'string' ? job_id : id
}

function byTicket(door: Doorkeeper, text: string, request: FastifyRequest): Found {
  const { ticket: use } = request.routeOptions.config
  const grant = use && door.tickets.redeem(text, use, jobOf(request, use), Date.now())
  const caller = grant && callerById(door, grant.tokenId)
  if (caller === undefined)
    return {
      error: unauthorized('This ticket is not good here, or not any more', true),
      reason: 'unknown'
    }
  delete (request.query as { ticket?: string }).ticket
  // It lets its bearer look at what the owner of its token has, and at nothing of others.
  const scopes = withImplied(['jobs:read'])
  const token = door.tokens.find(grant!.tokenId)
  return { caller: { ...caller, scopes }, ...(token && { token }) }
}
