/**
 * `GET /healthz` (the process lives) and `GET /readyz` (it accepts jobs). Both tell `degraded` while the target is
 * away: foreman accepts and waits then, so neither fails for it.
 */
import type { FastifyInstance } from 'fastify'
import { hasRoom } from './queue/caps.ts'
import { queueRules } from './queue/rules.ts'

const open = { config: { access: 'open' } } as const

/** Adds the two routes. They are open to everybody and tell nothing of what is queued. */
export function addHealthRoutes(app: FastifyInstance): void {
  app.get('/healthz', open, async () => ({ status: statusOf(app), target: targetOf(app) }))
  app.get('/readyz', open, async (_request, reply) => {
    const ready = app.queue.accepting && hasRoom(app.disk, queueRules(app.settings).caps) && isWritable(app)
    if (!ready) reply.code(503).header('retry-after', '10')
    return { status: ready ? statusOf(app) : 'unavailable', target: targetOf(app) }
  })
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
