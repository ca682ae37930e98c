/**
 * `GET /healthz` (the process lives) and `GET /readyz` (it accepts jobs). Both tell `degraded` while the target is
 * away: foreman accepts and waits then, so neither fails for it.
 */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ApiDescription } from './api-description.ts'
import { hasRoom } from './queue/caps.ts'
import { queueRules } from './queue/rules.ts'

const healthSchema = Type.Object(
  {
    status: Type.Enum(['ok', 'degraded', 'unavailable'], {
      description: 'degraded: the target is away. unavailable: no job is accepted.'
    }),
    target: Type.Object({
      status: Type.Enum(['up', 'down', 'unknown']),
      since: Type.Optional(Type.String({ format: 'date-time', description: 'Away since then.' })),
      next_probe_at: Type.Optional(Type.String({ format: 'date-time' }))
    })
  },
  { title: 'Health' }
)

const means = 'It does. `degraded` while the target is away.'

const lives: ApiDescription = {
  operationId: 'get_health',
  summary: 'Whether the process lives',
  tag: 'health',
  answers: { 200: { means } }
}

const accepts: ApiDescription = {
  operationId: 'get_readiness',
  summary: 'Whether jobs are accepted',
  tag: 'health',
  answers: {
    200: { means },
    503: {
      means: 'It drains, or has no room, or cannot write.',
      headers: { 'Retry-After': 'Seconds until asking again is worth it.' }
    }
  }
}

/** The answers have schemas for the sake of documentation: they are made right, so nothing is cut from them. */
const serializerCompiler = () => (data: unknown) => JSON.stringify(data)

function open(api: ApiDescription) {
  const response = Object.fromEntries(Object.keys(api.answers).map(status => [status, healthSchema]))
  return { schema: { response }, serializerCompiler, config: { access: 'open', api } } as const
}

/** Adds the two routes. They are open to everybody and tell nothing of what is queued. */
export function addHealthRoutes(app: FastifyInstance): void {
  app.get('/healthz', open(lives), async () => ({ status: statusOf(app), target: targetOf(app) }))
  app.get('/readyz', open(accepts), async (_request, reply) => {
    const ready = isReady(app)
    if (!ready) reply.code(503).header('retry-after', '10')
    return { status: ready ? statusOf(app) : 'unavailable', target: targetOf(app) }
  })
}

/** Whether jobs are accepted. */
export function isReady(app: FastifyInstance): boolean {
  return app.queue.accepting && hasRoom(app.disk, queueRules(app.settings).caps) && isWritable(app)
}

function statusOf(app: FastifyInstance): 'ok' | 'degraded' {
  return app.reachability.state.status === 'down' ? 'degraded' : 'ok'
}

function targetOf(app: FastifyInstance): Record<string, unknown> {
  const { state } = app.reachability
  if (state.status !== 'down') return { status: state.status }
  return { status: 'down', since: state.since.toISOString(), next_probe_at: state.nextProbeAt.toISOString() }
}

/** Whether the database takes a write now: its own version is written once more, which needs room for a page. */
function isWritable(app: FastifyInstance): boolean {
  try {
    app.db.pragma(`user_version = ${app.db.pragma('user_version', { simple: true })}`)
    return true
  } catch {
    return false
  }
}
