/**
 * websocket: many jobs followed, and canceled, on one socket.
 *
 * Owns `GET /ws`, and speaks the subprotocol `foreman.v1` there. Keeps nothing: what it tells is the event log's, so a socket
 * that broke is opened again and goes on behind the last event it had. Who may not open one is refused before the upgrade. The
 * contract is docs/http-api.md; the protocol below it is RFC 6455.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import websocket from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Static, Type } from 'typebox'
import type { WebSocket } from 'ws'
import { schemaValidator } from '../../core/schema-validator.ts'
import type {} from '../jobs/index.ts'
import * as api from './api.ts'
import { closeCodes } from './close-codes.ts'
import { Connection, type ConnectionLimits } from './connection.ts'
import { upgradeRequired } from './errors.ts'
import { FrameRate } from './frame-rate.ts'
import { addHandshake, subprotocol } from './handshake.ts'
import { Session } from './session.ts'

export const configSchema = Type.Object(
  {
    ping_s: Type.Number({
      default: 20,
      minimum: 0.01,
      maximum: 3600,
      description: 'Time from one ping to the next; after two without an answer the socket is cut.'
    }),
    buffer_bytes: Type.Integer({
      default: 1_048_576,
      minimum: 65_536,
      description: 'What may wait to be sent on a socket before its events are held back.'
    }),
    stall_s: Type.Number({
      default: 60,
      minimum: 0.01,
      maximum: 3600,
      description: 'Longest time in which a client takes nothing of what waits for it.'
    })
  },
  { additionalProperties: false }
)

type Config = Static<typeof configSchema>

const path = '/ws'

const querySchema = Type.Object(
  {
    job_id: Type.Optional(
      Type.String({ description: 'The socket is for this job alone: it is followed at once, by its id.' })
    ),
    after: Type.Optional(
      Type.String({ description: 'With job_id: the seq, or id, of the last event that is known, or latest.' })
    )
  },
  { additionalProperties: false }
)

/** `closeTimeout`, ms: how long a close frame may go unanswered. */
const options = {
  maxPayload: 64 * 1024,
  perMessageDeflate: false,
  clientTracking: false,
  closeTimeout: 2000,
  handleProtocols: () => subprotocol
}

type Query = Static<typeof querySchema>

export default fp<Config>(
  async (app, config) => {
    app.upgrades.addWebSocket(path)
    await app.register(async scope => {
      const sessions = new Set<Session>()
      scope.setValidatorCompiler(schemaValidator())
      await scope.register(websocket, {
        options,
        // It has said what was wrong by a close code, or the connection is gone.
        errorHandler: (err, _socket, request) => request.log.debug({ err }, 'a socket failed'),
        preClose(done) {
          for (const session of sessions) session.bye('shutdown')
          scope.websocketServer.close()
          done()
        }
      })
      addHandshake(scope)
      addRoute(scope, limitsOf(config), sessions)
    })
  },
  {
    name: 'websocket',
    fastify: '5.x',
    dependencies: ['jobs'],
    decorators: {
      fastify: [
        ...['settings', 'db', 'access', 'audit', 'upgrades', 'jobs', 'queue', 'telemetry'],
        ...['epochs', 'followers', 'streamSlots', 'eventObjects']
      ]
    }
  }
)

function limitsOf({ ping_s, buffer_bytes, stall_s }: Config): ConnectionLimits {
  return { pingMs: ping_s * 1000, bufferBytes: buffer_bytes, stallMs: stall_s * 1000 }
}

function addRoute(scope: FastifyInstance, limits: ConnectionLimits, sessions: Set<Session>): void {
  const responses = new WeakMap<IncomingMessage, ServerResponse>()
  scope.route<{ Querystring: Query }>({
    method: 'GET',
    url: path,
    exposeHeadRoute: false,
    schema: { querystring: querySchema },
    config: { access: 'jobs:read', ticket: 'once', api: api.socket },
    // A place is taken while the socket can still be refused.
    preHandler: async ({ raw, caller }, reply) => {
      reply.raw.once('close', scope.streamSlots.take(caller, 'ws'))
      responses.set(raw, reply.raw)
    },
    handler: async () => {
      throw upgradeRequired()
    },
    wsHandler: (socket, request) =>
      open(scope, limits, sessions, socket, request, responses.get(request.raw)!)
  })
}

function open(
  app: FastifyInstance,
  limits: ConnectionLimits,
  sessions: Set<Session>,
  socket: WebSocket,
  request: FastifyRequest<{ Querystring: Query }>,
  raw: ServerResponse
): void {
  const connection = new Connection(socket, raw.socket!, limits, {
    drained: () => session.drained(),
    stalled: () => app.telemetry.emit('streamSlow', 'ws', 'closed'),
    ended: () => {
      sessions.delete(session)
      session.end()
    }
  })
  const session = new Session(app, request, connection)
  sessions.add(session)
  app.access.farewells.add(raw, () => session.bye('token_revoked'))
  hear(socket, connection, session)
  const { job_id, after } = request.query
  if (job_id !== undefined) session.followOnly(job_id, after)
}

/** Lets the session hear what comes, as long as it comes as it should. */
function hear(socket: WebSocket, connection: Connection, session: Session): void {
  const rate = new FrameRate()
  const mayCome = () => {
    if (!connection.isOpen) return false
    connection.heard()
    if (rate.take()) return true
    connection.close(closeCodes.rate, 'too many frames: 20 a second are read')
    return false
  }
  socket.on('ping', mayCome).on('pong', mayCome)
  socket.on('message', (data: Buffer, isBinary) => {
    if (!mayCome()) return
    if (isBinary) return connection.close(closeCodes.badFrame, 'frames are text')
    session.hear(data.toString())
  })
}
