/**
 * auth: who may call.
 *
 * Tells callers apart by tokens, in every way that clients can show one, and by the keys of the ollama CLI. Owns `/tokens`,
 * `/whoami`, `/audit` and `/stream-tickets`, and the commands `foreman token` and `foreman key`. What a route needs is said
 * by the route, what belongs to whom is looked up where it is used; here is told who asks. docs/security.md is the contract.
 */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Static, Type } from 'typebox'
import { schemaValidator } from '../../core/schema-validator.ts'
import { refusals } from './api.ts'
import { AuditKeeper } from './audit-keeper.ts'
import { addAuditRoute } from './audit-route.ts'
import { keyCommand } from './commands/key.ts'
import { tokenCommand } from './commands/token.ts'
import { FailedLogins, failedLoginOptions } from './failed-logins.ts'
import { configuredToken, makeFirstToken } from './first-token.ts'
import { callerById, type Doorkeeper, identify } from './identify.ts'
import { LiveCalls } from './live-calls.ts'
import { takePrefix } from './path-prefix.ts'
import { Rates, rateOptions } from './rates.ts'
import { SeenSignatures } from './seen-signatures.ts'
import { addTicketRoute } from './ticket-route.ts'
import { Tickets } from './tickets.ts'
import { addTokenRoutes } from './token-routes.ts'
import { TokenStore } from './token-store.ts'

export const configSchema = Type.Object(
  {
    token: Type.Optional(
      Type.String({
        writeOnly: true,
        description: 'A token with every scope, of any form, 20 characters or more (FOREMAN_TOKEN).'
      })
    ),
    token_file: Type.Optional(
      Type.String({ minLength: 1, description: 'File with such a token (FOREMAN_TOKEN_FILE).' })
    ),
    path_prefix: Type.Boolean({
      default: false,
      description: 'Take tokens from addresses too: /t/<token>/api/chat.'
    }),
    signature_window_s: Type.Number({
      default: 60,
      minimum: 1,
      maximum: 600,
      description: 'How far the time of a signature of the ollama CLI may be off.'
    }),
    audit_retention_s: Type.Number({
      default: 7_776_000,
      minimum: 86_400,
      description: 'Time that an entry of the audit log is kept.'
    }),
    ...rateOptions,
    ...failedLoginOptions
  },
  { additionalProperties: false }
)

/** Signatures of a key that are remembered: many more calls than one person makes in a minute or two. */
const signaturesPerKey = 10_000

/** What the plugin can be told. */
export type AuthConfig = Static<typeof configSchema>

/** Commands of the process. */
export const commands = { token: tokenCommand, key: keyCommand }

export default fp<AuthConfig>(
  async (app, config) => {
    const door = doorkeeper(app, config)
    if (door.isConfigured === undefined) makeFirstToken(door.tokens, app.settings.data_dir, app.log)
    if (config.path_prefix) app.access.rewriteBy(takePrefix)
    app.access.identifyBy((request, reply) => identify(door, request, reply), refusals)
    const keeper = new AuditKeeper(app.db, config.audit_retention_s * 1000, app.log)
    app.addHook('preClose', async () => {
      door.failedLogins.close()
      door.liveCalls.close()
      keeper.close()
    })
    await app.register(async scope => {
      scope.setValidatorCompiler(schemaValidator())
      // The answers have schemas for the sake of documentation: they are made right, so nothing is cut from them.
      scope.setSerializerCompiler(() => data => JSON.stringify(data))
      addTokenRoutes(scope, door.tokens)
      addTicketRoute(scope, door.tickets)
      addAuditRoute(scope)
    })
  },
  {
    name: 'auth',
    fastify: '5.x',
    decorators: {
      fastify: ['settings', 'db', 'secrets', 'access', 'audit', 'jobs', 'queueDepth', 'telemetry']
    }
  }
)

function doorkeeper(app: FastifyInstance, config: AuthConfig): Doorkeeper {
  const { requests_per_minute, jobs_per_minute } = config
  const defaults = { requestsPerMinute: requests_per_minute, jobsPerMinute: jobs_per_minute }
  const signatureWindowMs = config.signature_window_s * 1000
  const door: Doorkeeper = {
    tokens: new TokenStore(app.db, app.secrets),
    isConfigured: configuredToken(config),
    tickets: new Tickets(),
    seen: new SeenSignatures({ windowMs: signatureWindowMs, perKey: signaturesPerKey }),
    signatureWindowMs,
    failedLogins: new FailedLogins({ perMinute: config.failed_logins_per_minute, audit: app.audit }),
    rates: new Rates({ defaults, depth: app.queueDepth }),
    liveCalls: new LiveCalls(tokenId => callerById(door, tokenId) !== undefined, app.access.farewells),
    telemetry: app.telemetry
  }
  return door
}
