/** What is looked at before a socket is opened: a browser cannot read why it was refused, so it is told to programs by a problem. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isListedOrigin } from '../../core/cors.ts'
import { ForeignPageError } from '../../core/errors.ts'
import type { Settings } from '../../core/settings.ts'
import { SubprotocolRequiredError, upgradeRequired } from './errors.ts'

/** What is spoken on the socket. */
export const subprotocol = 'foreman.v1'

/** Looks at every request of the scope, which has the route of the sockets alone. */
export function addHandshake(scope: FastifyInstance): void {
  const { access, settings } = scope
  // After those of core: who may not be here at all is told that first.
  scope.addHook('preValidation', async request => {
    if (!request.ws) throw upgradeRequired()
    if (!offersIt(request)) throw new SubprotocolRequiredError()
    // Without tokens core has looked already, by rules of its own.
    if (access.guarded) requireKnownPage(request, settings)
  })
  // Node has given the connection away: no second request is read from it.
  scope.addHook('onError', async ({ raw }, reply) => {
    if (scope.upgrades.takes(raw)) reply.header('connection', 'close')
  })
  scope.addHook('onResponse', async ({ raw }: FastifyRequest, _reply: FastifyReply) => {
    if (scope.upgrades.takes(raw)) raw.socket.destroySoon()
  })
}

function offersIt({ headers }: FastifyRequest): boolean {
  const offered = headers['sec-websocket-protocol'] ?? ''
  return offered.split(',').some(name => name.trim() === subprotocol)
}

/**
 * Browsers let any page open a socket to anywhere, and say only from where it is (cross-site WebSocket hijacking): a page must
 * be of the same host, or of an origin in `cors.origins`.
 * @throws {ForeignPageError}
 */
function requireKnownPage({ headers: { origin }, host }: FastifyRequest, { cors }: Settings): void {
  if (origin === undefined || isListedOrigin(cors, origin) || isOfHost(origin, host)) return
  throw new ForeignPageError('origin', origin)
}

function isOfHost(origin: string, host: string): boolean {
  const page = URL.parse(origin)
  // By the scheme of the page, so that a port which goes without saying is none on both sides.
  return page !== null && page.host !== '' && URL.parse(`${page.protocol}//${host}`)?.host === page.host
}
